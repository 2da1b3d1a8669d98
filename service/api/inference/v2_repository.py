"""The model repository extension of the Open Inference Protocol: list, load and unload models."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from service.api.data_plane import DataRoute
from service.api.dependencies import Services, services_of
from service.api.inference.v2_infer import GENERATOR, MODEL_NAMES, ModelName, check_name, versions_of
from service.api.problems import v2_problems
from service.api.responses import json_response, ok
from service.api.route_classes import body_schema
from service.api.schemas.v2 import IndexEntry, ModelReady, RepositoryRequest
from service.errors import InvalidInputError

router = APIRouter(route_class=DataRoute, tags=["protocol"])

BODY = body_schema(RepositoryRequest, {}, required=False)
BODY_PROBLEMS = v2_problems(400, 413, 422)
READINESS = ok(model=ModelReady) | BODY_PROBLEMS | v2_problems(404)


@router.post("/v2/repository/index", responses=ok(model=list[IndexEntry]) | BODY_PROBLEMS, openapi_extra=BODY)
async def repository_index(request: Request) -> Response:
    """List the models with their newest versions and states."""
    body, services = await _parse_body(request), services_of(request)
    entries = [entry for name in MODEL_NAMES for entry in await run_in_threadpool(_index_entries, services, name)]
    return json_response([entry for entry in entries if entry["state"] == "READY" or not body.ready])


@router.post("/v2/repository/models/{name}/load", responses=READINESS | v2_problems(409), openapi_extra=BODY)
async def load_model(request: Request, name: ModelName) -> Response:
    """Load a model that was unloaded."""
    body = await _parse_body(request)
    if any(key == "config" or key.startswith("file:") for key in body.parameters):
        raise InvalidInputError("Models cannot be uploaded. Train one with POST /train.", "parameters")
    check_name(name)
    services = services_of(request)
    services.registry.models.latest(with_generator=name == GENERATOR)  # raises if the model has no version
    services.unloaded_models.discard(name)
    return json_response({"name": name, "ready": True})


@router.post("/v2/repository/models/{name}/unload", responses=READINESS, openapi_extra=BODY)
async def unload_model(request: Request, name: ModelName) -> Response:
    """Unload a model, in all versions, until it is loaded or the service restarts."""
    await _parse_body(request)
    check_name(name)
    services_of(request).unloaded_models.add(name)
    return json_response({"name": name, "ready": False})


async def _parse_body(request: Request) -> RepositoryRequest:
    return RepositoryRequest.model_validate_json(await request.body() or b"{}")


def _index_entries(services: Services, name: str) -> list[dict[str, Any]]:
    versions = versions_of(services.registry, name)
    if not versions:
        return [{"name": name, "state": "UNAVAILABLE", "reason": "Nothing has been trained yet. POST /train."}]
    state, reason = ("UNAVAILABLE", "unloaded") if name in services.unloaded_models else ("READY", "")
    return [{"name": name, "version": version, "state": state, "reason": reason} for version in versions]
