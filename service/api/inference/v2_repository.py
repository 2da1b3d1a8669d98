"""The model repository extension of the Open Inference Protocol: which models there are, and whether they answer."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import services_of
from service.api.inference.v2_infer import Name, ProtocolRoute, body_of
from service.api.problems import v2_problems
from service.api.responses import json_response, ok
from service.api.schemas.v2 import IndexEntry, ModelReady, RepositoryRequest
from service.api.v2_models import NAMES, V2Models
from service.errors import InvalidInputError

router = APIRouter(route_class=ProtocolRoute, tags=["protocol"])

BODY = body_of(RepositoryRequest, required=False)
REFUSALS = v2_problems(400, 413, 422)


@router.post("/v2/repository/index", responses=ok(model=list[IndexEntry]) | REFUSALS, openapi_extra=BODY)
async def repository_index(request: Request) -> Response:
    """List the models with their newest versions, and whether they are ready."""
    wanted, models = await _request(request), services_of(request).v2_models
    entries = [entry for name in NAMES for entry in await run_in_threadpool(_entries, models, name)]
    return json_response([entry for entry in entries if entry["state"] == "READY" or not wanted.ready])


@router.post(
    "/v2/repository/models/{name}/load",
    responses=ok(model=ModelReady) | REFUSALS | v2_problems(404, 409),
    openapi_extra=BODY,
)
async def load_model(request: Request, name: Name) -> Response:
    """Have a model answer again."""
    wanted = await _request(request)
    if any(key == "config" or key.startswith("file:") for key in wanted.parameters):
        raise InvalidInputError("models are trained here, with POST /train, and not sent", "parameters")
    services_of(request).v2_models.load(name)
    return json_response({"name": name, "ready": True})


@router.post(
    "/v2/repository/models/{name}/unload",
    responses=ok(model=ModelReady) | REFUSALS | v2_problems(404),
    openapi_extra=BODY,
)
async def unload_model(request: Request, name: Name) -> Response:
    """Have a model not answer, in any version, until it is loaded or the service starts anew."""
    await _request(request)
    services_of(request).v2_models.unload(name)
    return json_response({"name": name, "ready": False})


async def _request(request: Request) -> RepositoryRequest:
    body = await request.body()
    return RepositoryRequest.model_validate_json(body) if body else RepositoryRequest()


def _entries(models: V2Models, name: str) -> list[dict[str, Any]]:
    versions = models.versions(name)
    if not versions:
        return [{"name": name, "state": "UNAVAILABLE", "reason": "nothing has been trained yet; POST /train"}]
    state = (
        {"state": "READY", "reason": ""} if models.is_loaded(name) else {"state": "UNAVAILABLE", "reason": "unloaded"}
    )
    return [{"name": name, "version": version, **state} for version in versions]
