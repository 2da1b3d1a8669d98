"""The Open Inference Protocol (v2): what clients of Triton and KServe ask, in their own words."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from gan1010 import Model
from service.api.compression import accepted_coding, compress, decompress
from service.api.dependencies import JobId, find_model, services_of
from service.api.inference.v2_metadata import SERVER, metadata_of, tensors_of
from service.api.inference.v2_tensors import JSON_LENGTH, TensorSpec, answer_body, read_question
from service.api.problems import problem_response, v2_problems
from service.api.responses import BINARY, BYTES, json_response, ok
from service.api.route_classes import BareRoute, Handler, StrictRequest, validation_error
from service.api.schemas.v2 import (
    InferAnswer,
    InferRequest,
    ModelMetadata,
    ModelNames,
    ModelReady,
    ServerHealth,
    ServerMetadata,
)
from service.api.v2_models import DISCRIMINATOR, NAMES
from service.errors import InvalidInputError

LIGHT_BODY = 200_000  # bytes, by what is answered to a row; what takes longer than a moment is done on a thread
WORTH_COMPRESSING = 1024  # bytes
ANSWERS = ok(
    model=InferAnswer,
    description=f"The network's answer; bytes follow its JSON where they were asked for, after {JSON_LENGTH} bytes",
    content=BYTES,
    headers={JSON_LENGTH: {"description": "where bytes follow the JSON", "schema": {"type": "integer"}}},
)
OF_A_MODEL = v2_problems(404, 409)
Name = Annotated[str, Path(description=" or ".join(NAMES), json_schema_extra={"enum": list(NAMES)})]


def body_of(schema: type[BaseModel], *, required: bool, **content: Any) -> dict[str, Any]:
    """The OpenAPI description of a body that the endpoint reads by itself."""
    json = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema.__name__}"}}}
    return {"requestBody": {"content": json | content, "required": required}}


class ProtocolRoute(BareRoute):
    """A bare route whose endpoint takes the request and what the path names; of a body no Content-Type is asked."""

    def get_route_handler(self) -> Handler:
        """The handler, in place of FastAPI's own."""

        async def directly(request: Request) -> Response:
            try:
                strict = StrictRequest(request.scope, request.receive)
                answer: Response = await self.endpoint(strict, **request.path_params)
            except ValidationError as error:
                raise validation_error("body", error) from None
            return answer

        return directly


router = APIRouter(route_class=ProtocolRoute, tags=["protocol"])


@router.post(
    "/v2/models/{name}/infer",
    responses=ANSWERS | OF_A_MODEL | v2_problems(400, 413, 415, 422),
    openapi_extra=body_of(InferRequest, required=True, **BYTES),
)
async def infer(request: Request, name: Name) -> Response:
    """Have the version of a model that succeeded last answer."""
    return await _infer(request, name, None)


@router.post(
    "/v2/models/{name}/versions/{job_id}/infer",
    responses=ANSWERS | OF_A_MODEL | v2_problems(400, 413, 415, 422),
    openapi_extra=body_of(InferRequest, required=True, **BYTES),
)
async def infer_version(request: Request, name: Name, job_id: JobId) -> Response:
    """Have a version of a model answer."""
    return await _infer(request, name, job_id)


@router.get("/v2", responses=ok(model=ServerMetadata))
async def server_metadata(request: Request) -> Response:
    """Say what serves, and which extensions of the protocol it has."""
    return json_response(SERVER)


@router.get("/v2/health/live", responses=ok(model=ServerHealth))
async def server_live(request: Request) -> Response:
    """Say that the server lives."""
    return json_response({"live": True, "ready": not services_of(request).stopping.is_set()})


@router.get("/v2/health/ready", responses=ok(model=ServerHealth) | v2_problems(503))
async def server_ready(request: Request) -> Response:
    """Say whether the server is ready."""
    if services_of(request).stopping.is_set():
        return problem_response(request, 503, "stopping", "The service stops", "ask another", live=True, ready=False)
    return json_response({"live": True, "ready": True})


@router.get("/v2/models", responses=ok(model=ModelNames))
async def model_names(request: Request) -> Response:
    """List the models."""
    return json_response({"models": NAMES})


@router.get("/v2/models/{name}", responses=ok(model=ModelMetadata) | OF_A_MODEL)
async def model_metadata(request: Request, name: Name) -> Response:
    """Say what a model takes and answers."""
    return await _metadata(request, name, None)


@router.get("/v2/models/{name}/versions/{job_id}", responses=ok(model=ModelMetadata) | OF_A_MODEL)
async def version_metadata(request: Request, name: Name, job_id: JobId) -> Response:
    """Say what a version of a model takes and answers."""
    return await _metadata(request, name, job_id)


@router.get("/v2/models/{name}/ready", responses=ok(model=ModelReady) | OF_A_MODEL)
async def model_ready(request: Request, name: Name) -> Response:
    """Say whether a model is ready."""
    await _model(request, name, None)
    return json_response({"name": name, "ready": True})


@router.get("/v2/models/{name}/versions/{job_id}/ready", responses=ok(model=ModelReady) | OF_A_MODEL)
async def version_ready(request: Request, name: Name, job_id: JobId) -> Response:
    """Say whether a version of a model is ready."""
    await _model(request, name, job_id)
    return json_response({"name": name, "ready": True})


async def _model(request: Request, name: str, job_id: str | None) -> tuple[str, Model, TensorSpec, TensorSpec]:
    """The version, its networks, and what it takes and answers."""
    services = services_of(request)
    job_id = services.v2_models.version(name, job_id)
    model, _ = await find_model(services.registry, job_id, None)
    return job_id, model, *tensors_of(name, model)


async def _metadata(request: Request, name: str, version: str | None) -> Response:
    job_id, model, _, _ = await _model(request, name, version)
    models = services_of(request).v2_models
    versions = [job_id] if version is not None else await run_in_threadpool(models.versions, name)
    return json_response(metadata_of(name, model, versions))


async def _infer(request: Request, name: str, version: str | None) -> Response:
    job_id, model, takes, answers = await _model(request, name, version)
    headers, body = request.headers, await request.body()
    services = services_of(request)
    metrics, max_bytes = services.metrics, services.settings.max_body_bytes
    count = metrics.scores if name == DISCRIMINATOR else metrics.samples
    coding, accepts = headers.get("content-encoding"), headers.get("accept-encoding")

    def answer() -> Response:
        whole = body if coding is None else decompress(body, coding, max_bytes)
        question = read_question(whole, headers.get(JSON_LENGTH), takes, answers)
        try:
            output = model.score(question.rows) if name == DISCRIMINATOR else model.sample(question.rows[:, 0])
        except ValueError as error:
            raise InvalidInputError(str(error), "inputs", 0, "data") from None
        count.inc(len(output))
        head = {"model_name": name, "model_version": job_id}
        if question.id is not None:
            head["id"] = question.id
        content, length = answer_body(head, answers, output.reshape(-1, answers.width), binary=question.binary)
        return _answer(content, length, accepts)

    most = LIGHT_BODY if not accepts else LIGHT_BODY // 10  # compressing takes longer than all else
    is_light = coding is None and len(body) * answers.width <= most
    return answer() if is_light else await run_in_threadpool(answer)


def _answer(content: bytes, json_length: int | None, accepts: str | None) -> Response:
    """The body, compressed if the client takes that and it saves something."""
    headers = {} if json_length is None else {JSON_LENGTH: str(json_length)}
    coding = accepted_coding(accepts) if accepts and len(content) >= WORTH_COMPRESSING else None
    if coding is not None:
        content, headers["Content-Encoding"] = compress(content, coding), coding
    return Response(content, headers=headers, media_type="application/json" if json_length is None else BINARY)
