"""Conditional responses: content that has not changed is not sent again."""

import pytest

from tests.support.clients import Client
from tests.support.contract import Json, content_type, run_sweep

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
