"""The model repository extension of the Open Inference Protocol: list, load and unload models."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import services_of
from service.api.inference.v2_infer import ModelName, ProtocolRoute, body_schema
from service.api.problems import v2_problems
from service.api.responses import json_response, ok
from service.api.schemas.v2 import IndexEntry, ModelReady, RepositoryRequest
from service.api.v2_models import MODEL_NAMES, V2Models
from service.errors import InvalidInputError

router = APIRouter(route_class=ProtocolRoute, tags=["protocol"])

BODY = body_schema(RepositoryRequest, required=False)
BODY_PROBLEMS = v2_problems(400, 413, 422)


@router.post("/v2/repository/index", responses=ok(model=list[IndexEntry]) | BODY_PROBLEMS, openapi_extra=BODY)
async def repository_index(request: Request) -> Response:
    """List the models with their newest versions and states."""
    body, models = await _parse_body(request), services_of(request).v2_models
    entries = [entry for name in MODEL_NAMES for entry in await run_in_threadpool(_index_entries, models, name)]
    return json_response([entry for entry in entries if entry["state"] == "READY" or not body.ready])


@router.post(
    "/v2/repository/models/{name}/load",
    responses=ok(model=ModelReady) | BODY_PROBLEMS | v2_problems(404, 409),
    openapi_extra=BODY,
)
async def load_model(request: Request, name: ModelName) -> Response:
    """Load a model that was unloaded."""
    body = await _parse_body(request)
    if any(key == "config" or key.startswith("file:") for key in body.parameters):
        raise InvalidInputError("Models cannot be uploaded. Train one with POST /train.", "parameters")
    services_of(request).v2_models.load(name)
    return json_response({"name": name, "ready": True})


@router.post(
    "/v2/repository/models/{name}/unload",
    responses=ok(model=ModelReady) | BODY_PROBLEMS | v2_problems(404),
    openapi_extra=BODY,
)
async def unload_model(request: Request, name: ModelName) -> Response:
    """Unload a model, in all versions, until it is loaded or the service restarts."""
    await _parse_body(request)
    services_of(request).v2_models.unload(name)
    return json_response({"name": name, "ready": False})


async def _parse_body(request: Request) -> RepositoryRequest:
    body = await request.body()
    return RepositoryRequest.model_validate_json(body) if body else RepositoryRequest()


def _index_entries(models: V2Models, name: str) -> list[dict[str, Any]]:
    versions = models.versions(name)
    if not versions:
        return [{"name": name, "state": "UNAVAILABLE", "reason": "Nothing has been trained yet. POST /train."}]
    state, reason = ("READY", "") if models.is_loaded(name) else ("UNAVAILABLE", "unloaded")
    return [{"name": name, "version": version, "state": state, "reason": reason} for version in versions]
