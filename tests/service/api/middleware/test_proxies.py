"""Proxies: the path prefix in links, and the client's address and scheme from trusted proxies."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.api.middleware.proxies import ProxyMiddleware
from service.settings import Settings
from tests.support.clients import Client, app_client, request_from, running_server
from tests.support.contract import SHORT_JOB, check_problem

PROXY, STRANGER = "10.0.0.9", "10.9.9.9"
Headers = dict[str, str]


@pytest.fixture(scope="module")
def behind_proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service under /lab with two trusted proxies."""
    settings = {"root_path": "/lab", "trusted_proxies": f"{PROXY}, fd00::/64"}
    with app_client(tmp_path_factory.mktemp("behind_proxies"), workers=1, **settings) as client:
        yield client


@pytest.mark.parametrize(
    ("peer", "headers", "prefix"),
    [
        (STRANGER, {}, "/lab"),
        (STRANGER, {"X-Forwarded-Prefix": "/evil"}, "/lab"),
        (PROXY, {}, "/lab"),
        *((PROXY, {"X-Forwarded-Prefix": text}, "/a/b-1.0") for text in ("/a/b-1.0", "/a/b-1.0/", " /a/b-1.0,/b")),
        *((PROXY, {"X-Forwarded-Prefix": text}, "/lab") for text in ("a", "//evil.example", "/a b", "/<b>", "/..")),
        (PROXY, {"X-Forwarded-Prefix": "/"}, ""),
    ],
)  # fmt: skip
def test_links_and_description_have_the_prefix(
    behind_proxies: Client, peer: str, headers: Headers, prefix: str
) -> None:
    trained = request_from(behind_proxies, peer, headers, "/train", "POST")
    assert trained.headers["location"] == f"{prefix}/jobs/{trained.json()['id']}"
    description = request_from(behind_proxies, peer, headers, "/openapi.json").json()
    assert description.get("servers") == ([{"url": prefix}] if prefix else None)
    assert "/train" in description["paths"]


def test_link_to_the_next_page_has_the_prefix(behind_proxies: Client) -> None:
    sweep = {"base": {"iterations": 20}, "grid": {"loss": ["mse", "bce"]}, "seeds": 1}
    job = behind_proxies.post("/sweeps?wait=30", json=sweep).json()
    headers = {"Accept": "text/csv"}
    for path in (f"/sweeps/{job['id']}/results?limit=1", f"/lab/sweeps/{job['id']}/results?limit=1"):
        link = request_from(behind_proxies, STRANGER, headers, path).headers["link"]
        assert link == f'</lab/sweeps/{job["id"]}/results?limit=1&after=0>; rel="next"'
        assert request_from(behind_proxies, STRANGER, headers, link[1:].partition(">")[0]).is_success


@pytest.mark.parametrize("path", ["/healthz", "/", "/docs", "/sample", "/assets/lab.js", "/v2/health/live", "/none"])
def test_path_may_have_the_prefix(behind_proxies: Client, path: str) -> None:
    assert behind_proxies.post("/train?wait=30", json=SHORT_JOB).is_success
    plain, prefixed = (request_from(behind_proxies, STRANGER, {}, f"{prefix}{path}") for prefix in ("", "/lab"))
    assert (prefixed.status_code, prefixed.content) == (plain.status_code, plain.content)
    assert behind_proxies.get(f"/labx{path}").status_code == 404


def test_probe_under_the_prefix_needs_no_host(behind_proxies: Client) -> None:
    for path, status in {"/lab/readyz": 200, "/lab/jobs": 403}.items():
        assert request_from(behind_proxies, STRANGER, {"Host": "10.0.0.1"}, path).status_code == status


ADDRESSES = [  # peer, X-Forwarded-For, client
    (PROXY, "8.8.8.8", "8.8.8.8"),
    (PROXY, "10.0.0.1, 8.8.8.8", "8.8.8.8"),
    (PROXY, "8.8.8.8, fd00::1", "8.8.8.8"),
    (PROXY, f"8.8.8.8:5000,[fd00::1]:80 , {PROXY}:1", "8.8.8.8"),
    (f"::ffff:{PROXY}", "8.8.8.8", "8.8.8.8"),
    ("fd00::1", "2001:4860:4860::8888", "2001:4860:4860::8888"),
    (PROXY, "fd00::2", "fd00::2"),
    (PROXY, "", PROXY),
    (PROXY, "evil", PROXY),
    (PROXY, "8.8.8.8, evil", PROXY),
    (PROXY, "8.8.8.8, fe80::1%evil", PROXY),
    (PROXY, "8.8.8.8, evil, fd00::1", "fd00::1"),
    (STRANGER, "8.8.8.8", STRANGER),
    ("testclient", "8.8.8.8", "testclient"),
]


@pytest.mark.parametrize(("peer", "forwarded", "client"), ADDRESSES)
def test_client_is_the_last_address_that_is_no_trusted_proxy(peer: str, forwarded: str, client: str) -> None:
    settings = Settings(trusted_proxies=f"{PROXY}, fd00::/64")
    scope: Any = {
        "type": "http",
        "path": "/",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    seen: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope["client"][0])

    run = ProxyMiddleware(app, "", settings.trusted_proxies)(scope, None, None)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        run.send(None)  # type: ignore[attr-defined]
    assert seen == [client]


def test_public_client_behind_a_trusted_proxy_needs_a_key(behind_proxies: Client) -> None:
    headers = {"X-Forwarded-For": "8.8.8.8"}
    refused = request_from(behind_proxies, PROXY, headers)
    assert "no public address" in refused.json()["detail"]
    assert request_from(behind_proxies, STRANGER, headers).status_code == 200


@pytest.mark.parametrize(
    ("peer", "proto", "origin", "status"),
    [
        (PROXY, "https", "https://localhost", 200), (PROXY, "https", "http://localhost", 403),
        (PROXY, "HTTPS, http", "http://localhost", 403), (PROXY, "http", "http://localhost", 200),
        (PROXY, "ftp", "http://localhost", 200), (STRANGER, "https", "http://localhost", 200),
    ],
)  # fmt: skip
def test_origin_must_have_the_scheme_that_a_trusted_proxy_forwards(
    behind_proxies: Client, peer: str, proto: str, origin: str, status: int
) -> None:
    headers = {"Origin": origin, "X-Forwarded-Proto": proto}
    response = request_from(behind_proxies, peer, headers)
    assert response.status_code == status
    if status == 403:
        assert "the Host of the request is localhost, over https." in response.json()["detail"]


def test_wrong_keys_of_one_client_do_not_block_another_behind_the_proxy(tmp_path: Any) -> None:
    with app_client(tmp_path, workers=1, api_key="s3cret", trusted_proxies=PROXY) as client:
        for number in range(21):
            headers = {"X-Forwarded-For": "8.8.8.8", "X-API-Key": f"guess-{number}"}
            last = request_from(client, PROXY, headers)
        check_problem(last, 429, "too-many-wrong-keys")
        headers = {"X-Forwarded-For": "8.8.4.4", "X-API-Key": "s3cret"}
        assert request_from(client, PROXY, headers).status_code == 200


def test_forwarded_address_is_logged(tmp_path: Any) -> None:
    with running_server(tmp_path, "--trusted-proxies", "127.0.0.1", "--root-path", "/lab") as (server, client):
        assert client.get("/lab/jobs", headers={"X-Forwarded-For": "evil, 10.8.8.8"}).status_code == 200
    assert any("route=/jobs" in line and "client=10.8.8.8" in line for line in server.log)
