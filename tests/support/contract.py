"""The contract's shapes, as far as they are the same for every test: jobs, problems, and what `/openapi.json` says."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import httpx

Json = dict[str, Any]

SETTING_FIELDS = {
    "preset", "experiment", "pattern", "spread", "iterations", "learning_rate", "generator_learning_rate",
    "hidden_size", "loss", "optimizer", "latent", "latent_value", "seed", "record_every", "snapshot_every", "name",
}  # fmt: skip
RESULT_FIELDS = {
    "sample", "bits", "in_range", "settled_at", "discriminator_real_loss", "discriminator_fake_loss",
    "generator_loss", "real_score", "fake_score",
}  # fmt: skip
JOB_FIELDS = {
    "id", "kind", "name", "status", "config", "created_at", "started_at", "finished_at", "iteration", "iterations",
    "iterations_per_second", "eta_seconds", "result", "error", "transitions",
}  # fmt: skip
PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance"}
FINAL_STATUSES = {"succeeded", "failed", "cancelled"}
TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")  # RFC 3339, in UTC

SHORT_JOB: Json = {"iterations": 20, "snapshot_every": 10, "seed": 1}
# So well recorded that the database's log is long when it ends: it is copied then, and cut off with the next write.
LARGE_LOG_JOB: Json = {"iterations": 1_000_000, "record_every": 5, "seed": 3}
# Weights enough to be busy for minutes: still running whenever a test looks.
LONG_JOB: Json = {
    "iterations": 10_000_000, "pattern": "1010101010101010", "hidden_size": 64, "optimizer": "adam", "seed": 1,
}  # fmt: skip


def train(client: httpx.Client, **settings: Any) -> Json:
    """Train to the end: the job."""
    answer = client.post("/train", params={"wait": 30}, json=settings)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def submit_job(client: httpx.Client, **settings: Any) -> Json:
    """Start a training and don't wait for it: the job."""
    answer = client.post("/train", json=settings)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def start_running_job(client: httpx.Client, **settings: Any) -> Json:
    """Start a training that takes long: the job, which runs and has snapshots."""
    job = submit_job(client, **(settings or LONG_JOB))
    return wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] > 0)


def wait_until(ask: Callable[[], Json], good: Callable[[Json], bool], seconds: float = 60) -> Json:
    """Ask until the answer is good."""
    deadline = time.monotonic() + seconds
    while not good(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.005)
    return answer


def check_problem(answer: httpx.Response, status: int, type: str | None = None) -> Json:
    """The answer's problem, which is one as RFC 9457 and the contract have it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) <= 8 * 1024
    content: Json = answer.json()
    assert content.keys() == PROBLEM_FIELDS | ({"errors"} if status == 422 else set())
    assert content["status"] == status
    assert re.fullmatch(r"/problems/[a-z0-9-]+", content["type"])
    assert type is None or content["type"] == f"/problems/{type}"
    assert content["instance"] == answer.request.url.path[:200]
    assert content["title"]
    assert content["detail"]
    assert "Traceback" not in answer.text
    if status == 422:
        assert 1 <= len(content["errors"]) <= 20
        assert all(mistake.keys() == {"loc", "msg", "type"} for mistake in content["errors"])
        assert all(isinstance(mistake["loc"], list) and mistake["msg"] for mistake in content["errors"])
    return content


def check_against_openapi(description: Json) -> Callable[[httpx.Response], None]:
    """A hook for a client: each answer's status and content type are ones that the description has."""
    routes = [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
        for path, operations in sorted(description["paths"].items(), key=lambda item: item[0].count("{"))
    ]

    def check(answer: httpx.Response) -> None:
        request = answer.request
        for path, operations in routes:
            if path.fullmatch(request.url.path) and request.method.lower() in operations:
                declared = operations[request.method.lower()]["responses"]
                assert str(answer.status_code) in declared, f"{request.method} {path.pattern}: {answer.status_code}"
                answer.read()
                if answer.content:
                    kind = answer.headers["content-type"].partition(";")[0]
                    said = resolve_ref(description, declared[str(answer.status_code)])
                    assert kind in said["content"], f"{path.pattern}: {kind}"
                return

    return check


def resolve_ref(description: Json, part: Json) -> Json:
    """A part of a description, or what it refers to."""
    while "$ref" in part:
        place = description
        for name in part["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        part = place
    return part


def content_type(answer: httpx.Response) -> str:
    """The answer's media type, without parameters."""
    return answer.headers["content-type"].partition(";")[0]


def as_json(value: Any) -> bytes:
    """What JSON cannot say as well: NaN, lone surrogates, infinities."""
    return json.dumps(value).encode("utf-8", "surrogatepass")
