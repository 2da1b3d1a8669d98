"""Downloads: finished models as safetensors, ONNX or a Triton repository, and trainings as PyTorch programs."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from gan1010 import Model
from gan1010.export import onnx
from gan1010.export.pytorch_script import Draws, pytorch_script
from service.api.dependencies import After, ExistingJob, JobId, JobRegistry, Limit
from service.api.problems import problems
from service.api.responses import BINARY, BYTES, ok
from service.api.route_classes import DescribedRoute
from service.api.routes.jobs import READ
from service.api.schemas.common import page_content
from service.api.schemas.jobs import ModelOut, ModelPage
from service.errors import ModelFileNotFoundError

router = APIRouter(route_class=DescribedRoute, tags=["models"])

WHOLE_MODEL = "model.safetensors"
FILES: dict[str, Callable[[Model], bytes]] = {
    "generator.safetensors": partial(Model.network_bytes, name="generator"),
    "discriminator.safetensors": partial(Model.network_bytes, name="discriminator"),
    "generator.onnx": partial(onnx.dump_onnx, name="generator"),
    "discriminator.onnx": partial(onnx.dump_onnx, name="discriminator"),
    "triton.zip": onnx.triton_repository,
}
ZIP, PYTHON = "application/zip", "text/x-python"
DOWNLOADS = READ | ok(
    description="safetensors: the keys are those of torch.nn.Sequential(Linear, Sigmoid, Linear, Sigmoid);"
    " in model.safetensors, which has both networks, each key begins with the network's name."
    " onnx: `seed` to `sample`, `vector` to `score`. triton.zip: a model repository for Triton and KServe",
    content=dict.fromkeys((BINARY, ZIP), BYTES[BINARY]),
)
SCRIPT = READ | ok(
    description="A program that trains with the job's settings and needs only torch",
    content={PYTHON: {"schema": {"type": "string"}}},
)


@router.get("/models", responses=problems(422))
def list_models(registry: JobRegistry, limit: Limit = 50, after: After = None) -> ModelPage:
    """List the finished models, newest first."""
    models = registry.models.page(after=after, limit=limit + 1)
    data = [ModelOut.of(*model) for model in models[:limit]]
    return ModelPage(**page_content(data, [job.id for job, *_ in models], limit))


@router.get("/models/{job_id}/{file}", response_class=Response, responses=DOWNLOADS)
def download_model(
    registry: JobRegistry,
    job_id: JobId,
    file: Annotated[
        str, Path(max_length=64, examples=["generator.safetensors"], description="one of the model's files")
    ],
) -> Response:
    """Download a finished model."""
    content = _convert(registry.models.file(registry.job(job_id)), file)
    media_type = ZIP if file.endswith(".zip") else BINARY
    return Response(content, media_type=media_type)


@router.get("/jobs/{job_id}/script.py", response_class=Response, responses=SCRIPT)
def get_script(
    job: ExistingJob,
    draws: Annotated[
        Draws,
        Query(description="torch: torch's own random numbers; same: the job's, which give its results to six digits"),
    ] = "torch",
) -> Response:
    """Download a training as a program in plain PyTorch."""
    name = f"gan1010-{job.id}{'-same-draws' if draws == 'same' else ''}.py"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pytorch_script(job.train_config, draws=draws), headers=headers, media_type=PYTHON)


def _convert(whole: bytes, file: str) -> bytes:
    if file == WHOLE_MODEL:
        return whole
    if file not in FILES:
        raise ModelFileNotFoundError(f"No file has this name. The files of a model: {', '.join(FILES)}, {WHOLE_MODEL}.")
    model = Model.from_bytes(whole)
    if file.startswith("generator") and model.generator is None:
        raise ModelFileNotFoundError("A discriminator experiment has no generator. Download another file.")
    return FILES[file](model)
