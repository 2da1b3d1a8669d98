"""What `/openapi.json` says beyond what FastAPI finds out by itself: the shape of problems, and examples.

The examples are a real run's, made when the description is first asked for, so that they cannot be wrong.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from fastapi import FastAPI

from gan1010 import PRESETS, Run, train
from gan1010.export import safetensors
from gan1010.export.pytorch_script import pytorch_script
from gan1010.sweeps.sweeping import sweep
from service.api.event_stream import JobStream, JobView, Subscriber
from service.api.openapi.access import describe_access
from service.api.openapi.v2_examples import v2_examples
from service.api.problems import REFUSALS, is_v2
from service.api.schemas.jobs import JobOut
from service.api.schemas.presets import PRESET_LIST
from service.api.schemas.problems import Problem
from service.api.schemas.sweep_results import cell_rows, member_rows
from service.api.schemas.v2 import V2_SCHEMAS
from service.errors import CorruptDataError, DiskFullError, InvalidJobStateError, NoModelError, ServiceError
from service.job import Job, Status, Transition

EXAMPLE_ID = "18ea0c6f2b3d4e5f9a1b2c3d"
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PROBLEMS = {
    400: ("malformed-json", "The body is not JSON", "the body must be one JSON value (RFC 8259)"),
    404: ("job-not-found", "No such job", "no job has this id; GET /jobs lists those that there are"),
    413: (
        "body-too-large",
        "The request's body is too large",
        "send a smaller body, or start the service with a larger limit",
    ),
    415: ("wrong-content-type", "The request's body is not JSON", "send the body with Content-Type: application/json"),
    422: ("invalid-input", "The request is not valid", "learning_rate: Input should be greater than 0"),
    429: ("queue-full", "The queue is full", "10000 jobs are waiting already; try again in a moment"),
    503: REFUSALS[503],
    507: (DiskFullError.type, DiskFullError.title, DiskFullError().detail),
}
CHANGES = ("/cancel", "/pause", "/resume")


def describe(app: FastAPI) -> None:
    """Complete the application's description of itself."""
    find_out = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(find_out())
            describe_access(find_out(), bool(app.state.services.settings.api_key))
        return find_out()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(description: dict[str, Any]) -> None:
    _complete_schemas(description["components"]["schemas"])
    examples = _examples()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _sendable(parameter["schema"])
            _add_example(operation.get("requestBody", {}), examples)
            answers = operation["responses"]
            if "HTTPValidationError" in str(answers.get("422")):  # FastAPI's guess where there is a path to read
                del answers["422"]
            for status, answer in answers.items():
                problem = _problem(int(status), method, path)
                v2_error = {"error": f"{problem['title']}: {problem['detail']}", **problem}
                own = {"Problem": problem, "V2Error": v2_error}
                if status == "503":
                    own |= {"Health": {"status": "stopping"}}
                _add_example(answer, examples | own)


def _complete_schemas(schemas: dict[str, Any]) -> None:
    """Add those that FastAPI knows nothing of, and take away what nobody needs."""
    for shape in (Problem, *V2_SCHEMAS):
        schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {shape.__name__: schema}
    for own in ("HTTPValidationError", "ValidationError"):  # FastAPI's, which no answer here has
        schemas.pop(own, None)
    for schema in schemas.values():
        for part in schema.get("properties", {}).values():
            default = part.get("default", "")
            # Generators of clients stumble over an object, and a null that may not be sent is none.
            if isinstance(default, dict) or (default is None and "type" in part):
                del part["default"]


def _sendable(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema without the null that it is inside when it is left out: no query or header can say null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    return {**{name: part for name, part in schema.items() if name != "anyOf"}, **choices[0]} if choices else schema


def _add_example(body: dict[str, Any], examples: dict[str, Any]) -> None:
    """The example of the first schema that a request's or an answer's JSON refers to, or of another media type."""
    for kind, content in body.get("content", {}).items():
        if kind in examples:
            content["example"] = examples[kind]
        references = (part for part in str(content).split("'") if part.startswith("#/components/schemas/"))
        name = next(references, "").rpartition("/")[2]
        if "json" in kind and name in examples:
            content["example"] = examples[name]


def _problem(status: int, method: str, path: str) -> dict[str, Any]:
    internal = "internal-error", "The service failed", "the log says what happened"
    type, title, detail = _conflict(method, path) if status == 409 else PROBLEMS.get(status, internal)
    problem = {"type": f"/problems/{type}", "title": title, "status": status, "detail": detail, "instance": path}
    if status == 422:
        problem["errors"] = [
            {"loc": ["body", "learning_rate"], "msg": detail.partition(": ")[2], "type": "greater_than"}
        ]
    return problem


def _conflict(method: str, path: str) -> tuple[str, str, str]:
    """What an operation's state may be at odds with most often."""
    if method == "delete" or path.endswith(CHANGES):
        error: ServiceError = InvalidJobStateError(
            "the job has succeeded, so there is nothing left of it to be cancelled"
        )
    elif path in {"/sample", "/score"} or is_v2(path):
        error = NoModelError("nothing has been trained yet; POST /train with an empty body trains the article's GAN")
    else:
        error = CorruptDataError(
            f"The job {EXAMPLE_ID} is damaged (its checksum does not match). Delete it and start another."
        )
    return error.type, error.title, error.detail


def _examples() -> dict[str, Any]:
    """An example of each shape, by its name: the article's run, kept sparsely."""
    config = PRESETS["article"].config(seed=1010, record_every=2500, snapshot_every=5000)
    run = train(config)
    job = JobOut.of(_job(run)).model_dump(mode="json")
    one = {"job_id": EXAMPLE_ID, "iteration": 10_000}
    vectors = [[0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]]
    examples = {
        "TrainRequest": {"preset": "article", "seed": 1010, "name": "my first GAN"},
        "JobOut": job,
        "JobPage": {"data": [job], "has_more": False, "next": None},
        "PresetList": PRESET_LIST.model_dump(mode="json"),
        "ProgressOut": one
        | {"status": "succeeded", "iterations": 10_000, "record_every": 2500}
        | {"series": {"iteration": run.history.iteration, **run.history.series}, "next_after": 10_000},
        "SnapshotsOut": {"job_id": EXAMPLE_ID, "iterations": run.snapshots.iterations, "samples": _evolution(run)},
        "SampleRequest": {"seeds": [0.5]},
        "SampleOut": one
        | {
            "pattern": "1010",
            "seeds": [0.5],
            "samples": run.model().sample([0.5]),
            "bits": ["1010"],
            "in_range": [True],
        },
        "ScoreRequest": {"vectors": vectors},
        "ScoreOut": one | {"scores": run.model().score(vectors)},
        "ModelPage": {"data": [_kept_model(run)], "has_more": False, "next": None},
        "Health": {"status": "ok"},
        "text/event-stream": _events(run),
        "text/x-python": pytorch_script(config),
    }
    examples |= _sweep_examples() | v2_examples(run.model(), EXAMPLE_ID)
    plain: dict[str, Any] = orjson.loads(orjson.dumps(examples, option=orjson.OPT_SERIALIZE_NUMPY))
    return plain


def _sweep_examples() -> dict[str, Any]:
    """A small sweep, as it is asked for and what comes of it."""
    request: dict[str, Any] = {
        "base": {"iterations": 1000},
        "grid": {"loss": ["mse", "bce"], "learning_rate": [0.03, 0.1]},
        "seeds": 2,
    }
    done = sweep(**request)
    first = [done.members.result(i) for i in range(2)]
    cells = cell_rows(done.config, range(done.config.cells), done.cells)
    return {
        "SweepRequest": {**request, "name": "my first sweep"},
        "CellPage": {"job_id": EXAMPLE_ID, "status": "succeeded", "data": cells, "has_more": False, "next": None},
        "MemberPage": {"data": member_rows(done.config, [0, 1], first), "has_more": True, "next": 1},
    }


def _job(run: Run) -> Job:
    ended = STARTED + timedelta(milliseconds=4)
    moments: dict[Status, datetime] = {"queued": STARTED, "running": STARTED, "succeeded": ended}
    return Job(
        id=EXAMPLE_ID,
        name="my first GAN",
        preset="article",
        config=run.config,
        status="succeeded",
        created_at=STARTED,
        started_at=STARTED,
        finished_at=ended,
        iteration=run.config.iterations,
        iterations_per_second=2_500_000,
        result=run.result,
        transitions=tuple(Transition(status=status, at=at) for status, at in moments.items()),
    )


def _events(run: Run) -> str:
    """What is sent to who follows the run."""
    follower = Subscriber(JobStream(JobView(job=_job(run), history=run.history, over=True)), after=0)
    events = []
    while not follower.done:
        events += follower.events()
    return b"".join(events).decode()


def _evolution(run: Run) -> list[Any]:
    return [run.model(int(iteration)).sample([0.5])[0] for iteration in run.snapshots.iterations]


def _kept_model(run: Run) -> dict[str, Any]:
    content = safetensors.dump(run.model())
    kept = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {"job_id": EXAMPLE_ID, "name": "my first GAN", "pattern": "1010", "created_at": STARTED} | kept
