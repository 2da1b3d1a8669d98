"""Examples for `/openapi.json`, from the article's run and a small sweep."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from gan1010 import PRESETS, Model, Run, train
from gan1010.export import safetensors
from gan1010.export.pytorch_script import pytorch_script
from gan1010.sweeps.sweeping import sweep
from service.api.event_stream import JobStream, JobView, Subscriber
from service.api.inference.v2_metadata import SERVER_METADATA, describe_model, tensor_specs
from service.api.inference.v2_tensors import DATATYPE
from service.api.schemas.jobs import JobOut
from service.api.schemas.presets import PRESET_LIST
from service.api.schemas.sweep_results import cell_rows, member_rows
from service.api.v2_models import GENERATOR, MODEL_NAMES
from service.job import Job, Transition

JOB_ID, NAME = "18ea0c6f2b3d4e5f9a1b2c3d", "my first GAN"
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDED = STARTED + timedelta(milliseconds=4)
LAST_PAGE = {"has_more": False, "next": None}


def make_examples() -> dict[str, Any]:
    """Return an example of each schema and media type, by name."""
    config = PRESETS["article"].config(seed=1010, record_every=2500, snapshot_every=5000)
    run = train(config)
    examples = (
        _training_examples(run) | _inference_examples(run.model()) | _v2_examples(run.model()) | _sweep_examples()
    )
    plain: dict[str, Any] = orjson.loads(orjson.dumps(examples, option=orjson.OPT_SERIALIZE_NUMPY))
    return plain


def _training_examples(run: Run) -> dict[str, Any]:
    job = _job(run)
    job_out = JobOut.of(job).model_dump(mode="json")
    model_file = safetensors.dump(run.model())
    model = {"job_id": JOB_ID, "name": NAME, "pattern": "1010", "created_at": STARTED, "bytes": len(model_file)}
    model["sha256"] = hashlib.sha256(model_file).hexdigest()
    progress = {"job_id": JOB_ID, "status": "succeeded", "iteration": 10_000, "iterations": 10_000}
    series = {"iteration": run.history.iteration, **run.history.series}
    kept = run.snapshots.iterations
    samples = [run.model(int(iteration)).sample([0.5])[0] for iteration in kept]
    return {
        "TrainRequest": {"preset": "article", "seed": 1010, "name": NAME},
        "JobOut": job_out,
        "JobPage": {"data": [job_out], **LAST_PAGE},
        "PresetList": PRESET_LIST.model_dump(mode="json"),
        "ProgressOut": {**progress, "record_every": 2500, "series": series, "next_after": 10_000},
        "SnapshotsOut": {"job_id": JOB_ID, "iterations": kept, "samples": samples},
        "ModelPage": {"data": [model], **LAST_PAGE},
        "Health": {"status": "ok"},
        "text/event-stream": _events(JobView(job=job, history=run.history, over=True)),
        "text/x-python": pytorch_script(run.config),
    }


def _job(run: Run) -> Job:
    transitions = [("queued", STARTED), ("running", STARTED), ("succeeded", ENDED)]
    return Job(
        id=JOB_ID,
        name=NAME,
        preset="article",
        config=run.config,
        status="succeeded",
        created_at=STARTED,
        started_at=STARTED,
        finished_at=ENDED,
        iteration=run.config.iterations,
        iterations_per_second=2_500_000,
        result=run.result,
        transitions=tuple(Transition(status=status, at=at) for status, at in transitions),  # type: ignore[arg-type]
    )


def _events(view: JobView) -> str:
    subscriber = Subscriber(JobStream(view), after=0)
    events = []
    while not subscriber.done:
        events += subscriber.events()
    return b"".join(events).decode()


def _inference_examples(model: Model) -> dict[str, Any]:
    snapshot = {"job_id": JOB_ID, "iteration": 10_000}
    vectors = [[0.9, 0.1, 0.9, 0.1], [0.4, 0.7, 0.6, 0.5]]
    samples = {"samples": model.sample([0.5]), "bits": ["1010"], "in_range": [True]}
    return {
        "SampleRequest": {"seeds": [0.5]},
        "SampleOut": {**snapshot, "pattern": "1010", "seeds": [0.5], **samples},
        "ScoreRequest": {"vectors": vectors},
        "ScoreOut": {**snapshot, "scores": model.score(vectors)},
    }


def _v2_examples(model: Model) -> dict[str, Any]:
    inputs, outputs = tensor_specs(GENERATOR, model)
    latents = [0.5, 0.7]
    tensor = {"name": inputs.name, "shape": [2, inputs.width], "datatype": DATATYPE, "data": latents}
    output = {**tensor, "name": outputs.name, "shape": [2, outputs.width], "data": model.sample(latents).reshape(-1)}
    return {
        "InferRequest": {"id": "42", "inputs": [tensor]},
        "InferAnswer": {"model_name": GENERATOR, "model_version": JOB_ID, "id": "42", "outputs": [output]},
        "ServerMetadata": SERVER_METADATA,
        "ServerHealth": {"live": True, "ready": True},
        "ModelNames": {"models": MODEL_NAMES},
        "ModelMetadata": describe_model(GENERATOR, model, [JOB_ID]),
        "ModelReady": {"name": GENERATOR, "ready": True},
        "RepositoryRequest": {"ready": True},
        "IndexEntry": [{"name": GENERATOR, "version": JOB_ID, "state": "READY", "reason": ""}],
    }


def _sweep_examples() -> dict[str, Any]:
    grid = {"loss": ["mse", "bce"], "learning_rate": [0.03, 0.1]}
    request: dict[str, Any] = {"base": {"iterations": 1000}, "grid": grid, "seeds": 2}
    done = sweep(**request)
    cells = cell_rows(done.config, range(done.config.cells), done.cells)
    members = member_rows(done.config, [0, 1], [done.members.result(index) for index in range(2)])
    return {
        "SweepRequest": {**request, "name": "my first sweep"},
        "CellPage": {"job_id": JOB_ID, "status": "succeeded", "data": cells, **LAST_PAGE},
        "MemberPage": {"data": members, "has_more": True, "next": 1},
    }
