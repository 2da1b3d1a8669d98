"""Conditional and compressed responses, and requests for ranges."""

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

from tests.support.clients import Client
from tests.support.contract import Json, content_type, run_sweep, train

PATHS = [
    "/jobs/{job}", "/jobs/{job}/progress", "/jobs/{job}/progress?after=77&max_points=30",
    "/jobs/{job}/progress?after=5", "/jobs/{job}/progress?view=article", "/jobs/{job}/snapshots",
    "/jobs/{job}/snapshots?weights=1", "/jobs/{job}/plots/losses.svg", "/jobs/{job}/plots/losses.png",
    "/jobs/{job}/plots/surface.png", "/jobs/{job}/script.py", "/models/{job}/generator.safetensors",
    "/models/{job}/discriminator.safetensors", "/models/{job}/triton.zip", "/jobs/{sweep}",
    "/sweeps/{sweep}/results", "/sweeps/{sweep}/plots/heatmap.png",
]  # fmt: skip


@pytest.fixture(scope="module")
def ids(shared_client: Client, article_job: Json) -> dict[str, str]:
    return {"job": article_job["id"], "sweep": run_sweep(shared_client, base={"iterations": 10}, seeds=2)["id"]}


@pytest.mark.parametrize("path", PATHS)
def test_unchanged_content_is_not_sent_again(shared_client: Client, ids: dict[str, str], path: str) -> None:
    url = path.format(**ids)
    etag = shared_client.get(url).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = shared_client.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    for other in ('"other"', etag.strip('"'), f'"{etag[1:-1]}x"'):
        assert shared_client.get(url, headers={"If-None-Match": other}).status_code == 200


def test_different_contents_have_different_etags(shared_client: Client, ids: dict[str, str]) -> None:
    etags = {shared_client.get(path.format(**ids)).headers["etag"] for path in PATHS}
    assert len(etags) == len(PATHS)


@pytest.mark.parametrize(("path", "kind"), [("progress", "text/csv"), ("snapshots?weights=1", "application/x-npz")])
def test_each_format_has_an_etag_of_its_own(shared_client: Client, article_job: Json, path: str, kind: str) -> None:
    url = f"/jobs/{article_job['id']}/{path}"
    response = shared_client.get(url, headers={"Accept": kind})
    assert "accept" in response.headers["vary"].lower()
    known = {"If-None-Match": response.headers["etag"]}
    assert shared_client.get(url, headers=known | {"Accept": kind}).status_code == 304
    as_json = shared_client.get(url, headers=known)
    assert (as_json.status_code, content_type(as_json)) == (200, "application/json")
    assert "accept" in as_json.headers["vary"].lower()


LONG_TEXTS = [
    "/jobs/{job}/progress", "/jobs/{job}/snapshots?weights=1", "/jobs/{job}/plots/losses.svg", "/jobs/{job}/script.py",
    "/jobs", "/openapi.json", "/metrics",
]  # fmt: skip
CSV = {"Accept": "text/csv"}
DECOMPRESS = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.fixture(scope="module")
def served_job(server_client: httpx.Client) -> str:
    """The last of some jobs on the server."""
    return [train(server_client, seed=seed)["id"] for seed in range(3)][-1]


def get_raw(client: httpx.Client, url: str, accepted: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Return the headers of a response and its body as it was sent, which must have the declared length."""
    with client.stream("GET", url, headers={"Accept-Encoding": accepted, **headers}) as response:
        content = b"".join(response.iter_raw())
    assert response.status_code == 200, content
    assert int(response.headers["content-length"]) == len(content)
    return response.headers, content


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize(("path", "accept"), [*((path, {}) for path in LONG_TEXTS), (LONG_TEXTS[0], CSV)], ids=str)
def test_long_texts_are_compressed(
    server_client: httpx.Client, served_job: str, path: str, accept: dict[str, str], coding: str
) -> None:
    url = path.format(job=served_job)
    plain, content = get_raw(server_client, url, "identity", **accept)
    headers, compressed = get_raw(server_client, url, f"br, {coding};q=0.5", **accept)
    assert headers["content-encoding"] == coding
    assert len(compressed) < 0.7 * len(content)
    if path != "/metrics":  # which counts the requests
        assert DECOMPRESS[coding](compressed) == content
    assert all("accept-encoding" in each["vary"].lower() for each in (plain, headers))
    for accepted in ("", "br", f"{coding};q=0"):
        assert "content-encoding" not in get_raw(server_client, url, accepted, **accept)[0]
    if "etag" in plain:
        assert plain["etag"] != headers["etag"]
        known = accept | {"Accept-Encoding": coding, "If-None-Match": headers["etag"]}
        unchanged = server_client.get(url, headers=known)
        assert (unchanged.status_code, unchanged.headers["etag"]) == (304, headers["etag"])
        assert server_client.get(url, headers=known | {"Accept-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/jobs/{job}", {}), ("/sample", {}), ("/jobs/{job}/plots/losses.png", {}),
        ("/models/{job}/discriminator.safetensors", {}), ("/models/{job}/triton.zip", {}),
        ("/jobs/{job}/snapshots?weights=1", {"Accept": "application/x-npz"}),
    ],
)  # fmt: skip
def test_short_and_binary_content_is_not_compressed(
    server_client: httpx.Client, served_job: str, path: str, headers: dict[str, str]
) -> None:
    assert "content-encoding" not in get_raw(server_client, path.format(job=served_job), "gzip", **headers)[0]


def test_two_hundred_thousand_points_are_sent_compressed(server_client: httpx.Client) -> None:
    job = train(server_client, iterations=1_000_000, record_every=5, seed=1)
    url = f"/jobs/{job['id']}/progress"
    _, content = get_raw(server_client, url, "identity")
    _, compressed = get_raw(server_client, url, "gzip")
    assert len(compressed) < len(content) / 3
    assert gzip.decompress(compressed) == content
    assert len(json.loads(content)["series"]["iteration"]) == 200_000


def test_event_stream_is_not_compressed(shared_client: Client, article_job: Json) -> None:
    headers = {"Accept-Encoding": "gzip", "Last-Event-ID": "0"}
    response = shared_client.get(f"/jobs/{article_job['id']}/events", headers=headers)
    assert "content-encoding" not in response.headers
    assert response.text.startswith("event: progress")


@pytest.mark.parametrize(
    ("path", "body"), [("/sample", {"seeds": [0.5] * 999}), ("/score", {"vectors": [[0.5] * 4] * 999})]
)
@pytest.mark.parametrize("accept", ["application/json", "application/octet-stream"])
def test_long_samples_and_scores_are_compressed(
    shared_client: Client, article_job: Json, path: str, body: Json, accept: str
) -> None:
    def post(accepted: str) -> Any:
        headers = {"Accept-Encoding": accepted, "Accept": accept}
        return shared_client.post(path, json=body | {"job_id": article_job["id"]}, headers=headers)

    assert ("content-encoding" in post("gzip").headers) == (accept == "application/json")
    assert post("gzip").content == post("identity").content


def test_ranges_of_downloads_are_declared_unsupported(shared_client: Client, ids: dict[str, str]) -> None:
    for path in PATHS:
        whole = shared_client.get(path.format(**ids))
        assert whole.headers["accept-ranges"] == "none"
        headers = {"Range": "bytes=0-9", "If-Range": whole.headers["etag"]}
        response = shared_client.get(path.format(**ids), headers=headers)
        assert (response.status_code, response.content) == (200, whole.content)
        assert "content-range" not in response.headers
