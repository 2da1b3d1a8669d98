"""The API's contract as tests share it: fields, problems, and responses as `/openapi.json` describes them."""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

Json = dict[str, Any]
T = TypeVar("T")

SETTING_FIELDS = {
    "preset", "experiment", "pattern", "spread", "iterations", "learning_rate", "generator_learning_rate",
    "hidden_size", "loss", "optimizer", "latent", "latent_value", "batch_size", "discriminator_steps", "r1", "seed",
    "backend", "record_every", "snapshot_every", "name",
}  # fmt: skip
RESULT_FIELDS = {
    "sample", "bits", "in_range", "settled_at", "discriminator_real_loss", "discriminator_fake_loss",
    "generator_loss", "real_score", "fake_score", "covered", "quality", "diversity", "shares",
}  # fmt: skip
JOB_FIELDS = {
    "id", "kind", "name", "note", "tags", "status", "config", "created_at", "started_at", "finished_at", "iteration",
    "iterations", "iterations_per_second", "eta_seconds", "result", "error", "transitions",
}  # fmt: skip
PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance"}
FINAL_STATUSES = {"succeeded", "failed", "cancelled"}
TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")  # RFC 3339, in UTC
MAX_PROBLEM_BYTES = 8 * 1024
PAGES = re.compile("/|/docs|/openapi.json|/assets/.*")

SHORT_JOB: Json = {"iterations": 20, "snapshot_every": 10, "seed": 1}
# Its history makes the database's write-ahead log so long that it is checkpointed when the job ends.
LARGE_LOG_JOB: Json = {"iterations": 1_000_000, "record_every": 5, "seed": 3}
LONG_JOB: Json = {  # runs for minutes: longer than any test
    "iterations": 10_000_000, "pattern": "1010101010101010", "hidden_size": 64, "optimizer": "adam", "seed": 1,
}  # fmt: skip


def train(client: httpx.Client, **settings: Any) -> Json:
    """Train a job to its end and return it."""
    return run_job(client, "/train", settings)


def run_sweep(client: httpx.Client, **request: Any) -> Json:
    """Run a sweep to its end and return the job."""
    return run_job(client, "/sweeps", request)


def run_job(client: httpx.Client, path: str, body: Json) -> Json:
    """Run a training or a sweep to its end and return the job."""
    response = client.post(path, params={"wait": 30}, json=body)
    assert response.status_code in (200, 202), response.text
    return wait_for_end(client, response.json()["id"]) if response.status_code == 202 else dict(response.json())


def submit_job(client: httpx.Client, **settings: Any) -> Json:
    """Submit a job and return it without waiting."""
    response = client.post("/train", json=settings)
    assert response.status_code == 202, response.text
    return dict(response.json())


def start_running_job(client: httpx.Client, **settings: Any) -> Json:
    """Submit a long job and return it once it has trained some iterations."""
    job = submit_job(client, **(settings or LONG_JOB))
    return wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] > 0)


def wait_for_end(client: httpx.Client, job_id: str, seconds: float = 60) -> Json:
    """Wait until a job has ended and return it."""
    return wait_until(
        lambda: client.get(f"/jobs/{job_id}", params={"wait": 10}).json(),
        lambda job: job["status"] in FINAL_STATUSES,
        seconds,
    )


def wait_until(fetch: Callable[[], T], condition: Callable[[T], object] = bool, seconds: float = 60) -> T:
    """Fetch again and again until the condition holds for what was fetched, and return that."""
    deadline = time.monotonic() + seconds
    while not condition(value := fetch()):
        assert time.monotonic() < deadline, value
        time.sleep(0.005)
    return value


def read_pages(client: httpx.Client, path: str, **parameters: Any) -> list[Json]:
    """Read a list to its end, page by page."""
    entries: list[Json] = []
    while True:
        page = client.get(path, params=parameters).json()
        assert page["has_more"] == (page["next"] is not None)
        entries += page["data"]
        if not page["has_more"]:
            return entries
        assert len(page["data"]) == parameters.get("limit", 50)
        parameters["after"] = page["next"]


def check_problem(response: httpx.Response, status: int, type: str | None = None) -> Json:
    """Check that a response is a problem as RFC 9457 and the contract describe it, and return its content."""
    assert response.status_code == status, (response.status_code, response.text)
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) <= MAX_PROBLEM_BYTES
    content: Json = response.json()
    assert content.keys() == PROBLEM_FIELDS | ({"errors"} if status == 422 else set())
    assert content["status"] == status
    assert re.fullmatch(r"/problems/[a-z0-9-]+", content["type"])
    assert type is None or content["type"] == f"/problems/{type}"
    assert content["instance"] == response.request.url.path[:200]
    assert content["title"]
    assert content["detail"]
    assert "Traceback" not in response.text
    if status == 422:
        assert 1 <= len(content["errors"]) <= 20
        for mistake in content["errors"]:
            assert mistake.keys() == {"loc", "msg", "type"}
            assert isinstance(mistake["loc"], list)
            assert mistake["msg"]
    return content


def check_against_openapi(document: Json) -> Callable[[httpx.Response], None]:
    """Return a client's response hook: `/openapi.json` must declare each response's status and content type."""
    routes = [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
        for path, operations in sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
    ]

    def check(response: httpx.Response) -> None:
        method = "GET" if response.request.method == "HEAD" else response.request.method
        status = str(response.status_code)
        for path, operations in routes:
            if path.fullmatch(response.request.url.path) and method.lower() in operations:
                declared = operations[method.lower()]["responses"]
                assert status in declared, f"{method} {path.pattern}: {status}"
                response.read()
                if response.content:
                    media_types = resolve_ref(document, declared[status])["content"]
                    assert content_type(response) in media_types, f"{path.pattern}: {content_type(response)}"
                return
        assert response.is_error or PAGES.fullmatch(response.request.url.path), "the operation is not described"

    return check


def resolve_ref(document: Json, part: Json) -> Json:
    """Return a part of an OpenAPI document, or the part that its `$ref` names."""
    while "$ref" in part:
        target = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = target
    return part


def fill_path(path: str, **parameters: object) -> str:
    """Fill the parameters of a path in `/openapi.json` with these, and the others with valid values."""
    files = {"models": "generator.onnx", "sweeps": "heatmap.svg"}
    defaults = {"file": files.get(path.split("/")[1], "losses.svg"), "name": "generator", "index": 1}
    return path.format(**defaults | parameters)


def content_type(response: httpx.Response) -> str:
    """Return the media type without parameters."""
    return response.headers["content-type"].partition(";")[0]
