"""The Open Inference Protocol (v2): inference, metadata and health for clients of Triton and KServe."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from gan1010 import Model
from service.api.compression import accepted_coding, compress, decompress
from service.api.dependencies import JobId, find_model, services_of
from service.api.inference.v2_metadata import SERVER_METADATA, describe_model, tensor_specs
from service.api.inference.v2_tensors import JSON_LENGTH, decode_request, encode_response
from service.api.limits import MAX_INLINE_BYTES
from service.api.problems import STOPPING, problem_response, v2_problems
from service.api.responses import BINARY, BYTES, json_response, ok
from service.api.route_classes import BareRoute, StrictRequest, validation_error
from service.api.schemas import v2
from service.api.v2_models import DISCRIMINATOR, MODEL_NAMES
from service.errors import InvalidInputError

MIN_COMPRESSED_BYTES = 1024  # shorter bodies are not worth compressing
COMPRESSION_COST = 10  # compressing a body takes so many times as long as all else
MODEL_PROBLEMS = v2_problems(404, 409)
INFER_RESPONSES = (
    ok(
        model=v2.InferAnswer,
        description=f"The network's output; on request as bytes after the JSON, whose length {JSON_LENGTH} has",
        content=BYTES,
        headers={JSON_LENGTH: {"description": "present if bytes follow the JSON", "schema": {"type": "integer"}}},
    )
    | MODEL_PROBLEMS
    | v2_problems(400, 413, 415, 422)
)
ModelName = Annotated[str, Path(description=" or ".join(MODEL_NAMES), json_schema_extra={"enum": list(MODEL_NAMES)})]


def body_schema(schema: type[BaseModel], *, required: bool, **content: Any) -> dict[str, Any]:
    """Describe a body that the endpoint parses by itself, for `openapi_extra`."""
    json = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema.__name__}"}}}
    return {"requestBody": {"content": json | content, "required": required}}


class ProtocolRoute(BareRoute):
    """A bare route whose endpoint validates the body, of any Content-Type."""

    async def respond(self, request: StrictRequest) -> Response:
        """Call the endpoint, and report an invalid body."""
        try:
            return await super().respond(request)
        except ValidationError as error:
            raise validation_error("body", error) from None


router = APIRouter(route_class=ProtocolRoute, tags=["protocol"])
INFER_BODY = body_schema(v2.InferRequest, required=True, **BYTES)


@router.post("/v2/models/{name}/infer", responses=INFER_RESPONSES, openapi_extra=INFER_BODY)
async def infer(request: Request, name: ModelName) -> Response:
    """Run inference with the newest version of a model."""
    return await _infer(request, name, None)


@router.post("/v2/models/{name}/versions/{job_id}/infer", responses=INFER_RESPONSES, openapi_extra=INFER_BODY)
async def infer_version(request: Request, name: ModelName, job_id: JobId) -> Response:
    """Run inference with one version of a model."""
    return await _infer(request, name, job_id)


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
    _, model = await _model(request, name, None)
    versions = await run_in_threadpool(services_of(request).v2_models.versions, name)
    return json_response(describe_model(name, model, versions))


@router.get("/v2/models/{name}/versions/{job_id}", responses=ok(model=v2.ModelMetadata) | MODEL_PROBLEMS)
async def version_metadata(request: Request, name: ModelName, job_id: JobId) -> Response:
    """Describe the inputs and outputs of one version of a model."""
    _, model = await _model(request, name, job_id)
    return json_response(describe_model(name, model, [job_id]))


@router.get("/v2/models/{name}/ready", responses=ok(model=v2.ModelReady) | MODEL_PROBLEMS)
async def model_ready(request: Request, name: ModelName) -> Response:
    """Report that a model is ready."""
    return await _ready(request, name, None)


@router.get("/v2/models/{name}/versions/{job_id}/ready", responses=ok(model=v2.ModelReady) | MODEL_PROBLEMS)
async def version_ready(request: Request, name: ModelName, job_id: JobId) -> Response:
    """Report that one version of a model is ready."""
    return await _ready(request, name, job_id)


async def _model(request: Request, name: str, version: str | None) -> tuple[str, Model]:
    """Load the version's model; return it with its job's id."""
    services = services_of(request)
    job_id = services.v2_models.job_id(name, version)
    model, _ = await find_model(services.registry, job_id, None)
    return job_id, model


async def _ready(request: Request, name: str, version: str | None) -> Response:
    _, model = await _model(request, name, version)
    tensor_specs(name, model)  # raises if the job trained no generator
    return json_response({"name": name, "ready": True})


async def _infer(request: Request, name: str, version: str | None) -> Response:
    job_id, model = await _model(request, name, version)
    input_spec, output_spec = tensor_specs(name, model)
    body, services = await request.body(), services_of(request)
    counter = services.metrics.scores if name == DISCRIMINATOR else services.metrics.samples
    coding, accept_encoding = request.headers.get("content-encoding"), request.headers.get("accept-encoding")

    def respond() -> Response:
        content = body if coding is None else decompress(body, coding, services.settings.max_body_bytes)
        decoded = decode_request(content, request.headers.get(JSON_LENGTH), input_spec, output_spec)
        try:
            output = model.score(decoded.rows) if name == DISCRIMINATOR else model.sample(decoded.rows[:, 0])
        except ValueError as error:
            raise InvalidInputError(str(error), "inputs", 0, "data") from None
        counter.inc(len(output))
        head = {"model_name": name, "model_version": job_id}
        if decoded.id is not None:
            head["id"] = decoded.id
        rows = output.reshape(-1, output_spec.width)
        return _response(*encode_response(head, output_spec, rows, binary=decoded.binary_output), accept_encoding)

    max_bytes = MAX_INLINE_BYTES if not accept_encoding else MAX_INLINE_BYTES // COMPRESSION_COST
    inline = coding is None and len(body) * output_spec.width <= max_bytes
    return respond() if inline else await run_in_threadpool(respond)


def _response(content: bytes, json_length: int | None, accept_encoding: str | None) -> Response:
    """Build the response, compressed if the client accepts that and the body is long enough."""
    headers = {} if json_length is None else {JSON_LENGTH: str(json_length)}
    coding = accepted_coding(accept_encoding) if accept_encoding and len(content) >= MIN_COMPRESSED_BYTES else None
    if coding is not None:
        content, headers["Content-Encoding"] = compress(content, coding), coding
    return Response(content, headers=headers, media_type="application/json" if json_length is None else BINARY)
