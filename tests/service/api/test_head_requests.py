"""HEAD: the head of the response to GET, on every route."""

import re

import httpx
import pytest
from starlette.routing import Mount

from tests.support.clients import Client
from tests.support.contract import Json, fill_path, run_sweep, start_running_job


def get_paths(client: Client, job: str, sweep: str) -> list[str]:
    """Fill the path of each route that has GET."""
    paths = []
    for route in client.app.routes:
        path = f"{route.path}/lab.js" if isinstance(route, Mount) else route.path  # type: ignore[attr-defined]
        if isinstance(route, Mount) or "GET" in (route.methods or ()):  # type: ignore[attr-defined]
            paths.append(fill_path(path, job_id=sweep if path.startswith("/sweeps") else job))
    return [re.sub(r"/versions/1\b", f"/versions/{job}", path) for path in paths]


def test_head_is_get_without_its_body(shared_client: Client, article_job: Json) -> None:
    sweep = run_sweep(shared_client, base={"iterations": 20}, seeds=2)
    paths = get_paths(shared_client, article_job["id"], sweep["id"])
    assert {"/", "/docs", "/metrics", "/sample", "/v2", "/openapi.json", "/assets/lab.js"} <= set(paths)
    for path in (*paths, "/none", "/sample?seed=x", f"/sweeps/{sweep['id']}/results?limit=1"):
        head, get = (shared_client.request(method, path) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (get.status_code, b""), path
        lengths = {"x-request-id"} | ({"content-length"} if path == "/metrics" else set())
        heads = [{name: text for name, text in it.headers.items() if name not in lengths} for it in (head, get)]
        assert heads[0] == heads[1], path


def test_head_of_a_stream_ends(server_client: httpx.Client) -> None:
    job = start_running_job(server_client)
    head = server_client.head(f"/jobs/{job['id']}/events")
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert server_client.get("/healthz").status_code == 200  # on the same connection


@pytest.mark.parametrize(
    ("path", "methods"), [("/presets", "GET, HEAD"), ("/train", "POST"), ("/sample", "GET, HEAD, POST")]
)
def test_allowed_methods_have_head_where_get_is(shared_client: Client, path: str, methods: str) -> None:
    refused = shared_client.request("PUT", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)
    if "HEAD" not in methods:
        assert shared_client.head(path).status_code == 405


def test_head_is_logged_with_its_route(server_client: httpx.Client) -> None:
    server_client.head("/jobs/0/progress")
    metrics = server_client.get("/metrics").text
    assert 'gan1010_requests_total{method="HEAD",route="/jobs/{job_id}/progress",status="404"} 1.0' in metrics
