"""Take away: finished models, as safetensors files."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response

from gan1010 import modelfile
from service.answers import UNCHANGED, StrictRoute, ok, problems, unless_known
from service.deps import After, JobId, Jobs, Limit
from service.errors import FileNotInModel
from service.schemas import ModelOut, ModelPage

router = APIRouter(route_class=StrictRoute, tags=["models"])

FILES: dict[str, Literal["generator", "discriminator"]] = {
    "generator.safetensors": "generator",
    "discriminator.safetensors": "discriminator",
}
WHOLE = "model.safetensors"
BINARY = "application/octet-stream"
DOWNLOADS = (
    ok(
        description="safetensors: the keys are those of torch.nn.Sequential(Linear, Sigmoid, Linear, Sigmoid);"
        " model.safetensors holds both networks, each key behind its network's name",
        content={BINARY: {"schema": {"type": "string", "format": "binary"}}},
    )
    | UNCHANGED
    | problems(404, 409, 422)
)


@router.get("/models", responses=problems(422))
def list_models(registry: Jobs, limit: Limit = 50, after: After = None) -> ModelPage:
    """List the finished models, newest first."""
    models = registry.models(after=after, limit=limit + 1)
    page, has_more = [ModelOut.model_validate(model) for model in models[:limit]], len(models) > limit
    return ModelPage(data=page, has_more=has_more, next=page[-1].job_id if has_more else None)


@router.get(
    "/models/{job_id}/{file}",
    response_class=Response,
    responses=DOWNLOADS,
)
def download_model(
    request: Request,
    registry: Jobs,
    job_id: JobId,
    file: Annotated[
        str, Path(max_length=64, examples=["generator.safetensors"], description="one of the model's files")
    ],
) -> Response:
    """Download a finished model."""
    return unless_known(request, Response(_content(registry.model_file(job_id), file), media_type=BINARY))


def _content(whole: bytes, file: str) -> bytes:
    if file == WHOLE:
        return whole
    if file not in FILES:
        raise FileNotInModel(f"the files of a model are {', '.join(FILES)} and {WHOLE}")
    model, network = modelfile.load(whole), FILES[file]
    if network == "generator" and model.generator is None:
        raise FileNotInModel("the job is a discriminator experiment, which trains no generator")
    return modelfile.dump_network(model, network)
