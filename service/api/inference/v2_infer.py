"""The Open Inference Protocol (v2): inference, metadata and health for clients of Triton and KServe.

The protocol has two models, a generator and a discriminator. Their versions are the jobs.
"""

from functools import cache
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from gan1010 import Model
from service.api.compression import MIN_COMPRESSED_BYTES, accepted_coding, compress_response, decompress
from service.api.data_plane import DataRoute
from service.api.dependencies import JobId, services_of
from service.api.inference.sample_and_score import find_model
from service.api.inference.v2_tensors import DATATYPE, JSON_LENGTH, TensorSpec, decode_request, encode_response
from service.api.limits import MAX_COMPRESSED_INLINE_BYTES, MAX_INLINE_BYTES
from service.api.problems import STOPPING, problem_response, v2_problems
from service.api.responses import BYTES, header, json_response, ok
from service.api.route_classes import body_schema
from service.api.schemas import v2
from service.errors import InvalidInputError, ModelNotFoundError, ModelNotLoadedError
from service.jobs.registry import Registry

MODEL_NAMES = GENERATOR, DISCRIMINATOR = "generator", "discriminator"
NEWEST = ""  # in place of a job's id: the newest version
MAX_VERSIONS = 1000  # listed, newest first; older versions serve requests all the same
SERVER_METADATA = {
    "name": "gan1010",
    "version": version("gan1010"),
    "extensions": ["binary_tensor_data", "model_repository"],
}
MODEL_PROBLEMS = v2_problems(404, 409)
INFER_RESPONSES = v2_problems(400, 404, 409, 413, 415, 422) | ok(
    model=v2.InferAnswer,
    description=f"The network's output; on request as bytes after the JSON, whose length {JSON_LENGTH} has",
    content=BYTES,
    headers={JSON_LENGTH: {"description": "present if bytes follow the JSON", "schema": {"type": "integer"}}},
)
INFER_BODY = body_schema(v2.InferRequest, BYTES, required=True)
ModelName = Annotated[str, Path(description=" or ".join(MODEL_NAMES), json_schema_extra={"enum": list(MODEL_NAMES)})]

router = APIRouter(route_class=DataRoute, tags=["protocol"])


@router.post("/v2/models/{name}/infer", responses=INFER_RESPONSES, openapi_extra=INFER_BODY)
async def infer(request: Request, name: ModelName) -> Response:
    """Run inference with the newest version of a model."""
    return await infer_version(request, name, NEWEST)


@router.post("/v2/models/{name}/versions/{job_id}/infer", responses=INFER_RESPONSES, openapi_extra=INFER_BODY)
async def infer_version(request: Request, name: ModelName, job_id: JobId) -> Response:
    """Run inference with one version of a model."""
    job_id, model = await _find_version(request, name, job_id)
    input_spec, output_spec = _tensor_specs(name, model.width)
    body, services = await request.body(), services_of(request)
    counter = services.metrics.scores if name == DISCRIMINATOR else services.metrics.samples
    coding, accept_encoding = header(request, b"content-encoding"), header(request, b"accept-encoding") or ""

    def respond() -> Response:
        content = decompress(body, coding, services.settings.max_body_bytes) if coding else body
        decoded = decode_request(content, header(request, JSON_LENGTH.lower().encode()), input_spec, output_spec)
        try:
            output = model.score(decoded.rows) if name == DISCRIMINATOR else model.sample(decoded.rows[:, 0])
        except ValueError as error:
            raise InvalidInputError(str(error), "inputs", 0, "data") from None
        counter.inc(len(output))
        head = {"model_name": name, "model_version": job_id}
        if decoded.id is not None:
            head["id"] = decoded.id
        response = encode_response(head, output_spec, output, binary=decoded.binary_output)
        if len(response.body) >= MIN_COMPRESSED_BYTES:
            compress_response(response, accepted_coding(accept_encoding))
        return response

    max_bytes = MAX_COMPRESSED_INLINE_BYTES if accept_encoding else MAX_INLINE_BYTES
    inline = not coding and len(body) * output_spec.width <= max_bytes
    return respond() if inline else await run_in_threadpool(respond)


@router.get("/v2", responses=ok(model=v2.ServerMetadata))
async def server_metadata(request: Request) -> Response:
    """Describe the server and the extensions that it supports."""
    return json_response(SERVER_METADATA)


@router.get("/v2/health/live", responses=ok(model=v2.ServerHealth))
async def server_live(request: Request) -> Response:
    """Report that the server is alive."""
    return json_response({"live": True, "ready": not services_of(request).stopping.is_set()})


@router.get("/v2/health/ready", responses=ok(model=v2.ServerHealth) | v2_problems(503))
async def server_ready(request: Request) -> Response:
    """Report whether the server is ready."""
    if services_of(request).stopping.is_set():
        return problem_response(request, STOPPING, live=True, ready=False)
    return json_response({"live": True, "ready": True})


@router.get("/v2/models", responses=ok(model=v2.ModelNames))
async def model_names(request: Request) -> Response:
    """List the models."""
    return json_response({"models": MODEL_NAMES})


@router.get("/v2/models/{name}", responses=ok(model=v2.ModelMetadata) | MODEL_PROBLEMS)
async def model_metadata(request: Request, name: ModelName) -> Response:
    """Describe the inputs and outputs of a model."""
    return await version_metadata(request, name, NEWEST)


@router.get("/v2/models/{name}/versions/{job_id}", responses=ok(model=v2.ModelMetadata) | MODEL_PROBLEMS)
async def version_metadata(request: Request, name: ModelName, job_id: JobId) -> Response:
    """Describe the inputs and outputs of one version of a model."""
    _, model = await _find_version(request, name, job_id)
    versions = [job_id] if job_id else await run_in_threadpool(versions_of, services_of(request).registry, name)
    specs = _tensor_specs(name, model.width)
    inputs, outputs = ([{"name": spec.name, "datatype": DATATYPE, "shape": [-1, spec.width]}] for spec in specs)
    content = {"name": name, "versions": versions, "platform": "gan1010", "inputs": inputs, "outputs": outputs}
    return json_response(content)


@router.get("/v2/models/{name}/ready", responses=ok(model=v2.ModelReady) | MODEL_PROBLEMS)
async def model_ready(request: Request, name: ModelName) -> Response:
    """Report that a model is ready."""
    return await version_ready(request, name, NEWEST)


@router.get("/v2/models/{name}/versions/{job_id}/ready", responses=ok(model=v2.ModelReady) | MODEL_PROBLEMS)
async def version_ready(request: Request, name: ModelName, job_id: JobId) -> Response:
    """Report that one version of a model is ready."""
    await _find_version(request, name, job_id)
    return json_response({"name": name, "ready": True})


def check_name(name: str) -> None:
    """Raise ModelNotFoundError if no model has this name."""
    if name not in MODEL_NAMES:
        raise ModelNotFoundError(
            f"The models are {' and '.join(MODEL_NAMES)}. The id of a training is a version of both."
        )


def versions_of(registry: Registry, name: str) -> list[str]:
    """List the succeeded jobs that trained this network, newest first."""
    jobs = registry.jobs(status="succeeded", kind="train", after=None, limit=MAX_VERSIONS)
    return [job.id for job in jobs if name == DISCRIMINATOR or job.train_config.experiment == "gan"]


async def _find_version(request: Request, name: str, job_id: str) -> tuple[str, Model]:
    """Return a version's job and networks."""
    check_name(name)
    if name in services_of(request).unloaded_models:
        raise ModelNotLoadedError(f"POST /v2/repository/models/{name}/load loads it again.")
    job_id, _, model = await find_model(request, job_id or None, None, with_generator=name == GENERATOR)
    return job_id, model


@cache
def _tensor_specs(name: str, width: int) -> tuple[TensorSpec, TensorSpec]:
    """Return the input and the output of a model whose samples have `width` values."""
    if name == DISCRIMINATOR:
        return TensorSpec("vector", width), TensorSpec("score", 1)
    return TensorSpec("seed", 1), TensorSpec("sample", width)
