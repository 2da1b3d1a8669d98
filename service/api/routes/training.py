"""Training: start a job, and list the presets."""

import hashlib

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import JobRegistry, Wait
from service.api.problems import problems
from service.api.route_classes import StrictRoute
from service.api.routes.job_responses import TRAINING_ACCEPTED, IdempotencyKey, accepted_response
from service.api.schemas.presets import PRESET_LIST, PresetList
from service.api.schemas.training import TrainRequest, to_config

router = APIRouter(route_class=StrictRoute, tags=["training"])


@router.post("/train", status_code=202, responses=TRAINING_ACCEPTED | problems(400, 409, 413, 415, 422, 429, 507))
async def start_training(
    registry: JobRegistry,
    body: TrainRequest = TrainRequest(),  # type: ignore[valid-type]  # noqa: B008
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a training; an empty body trains the article's GAN."""
    config = to_config(body)
    job = await run_in_threadpool(
        registry.submit,
        config,
        preset=body.preset,  # type: ignore[attr-defined]
        name=body.name,  # type: ignore[attr-defined]
        key=idempotency_key,
        request=hashlib.sha256(body.model_dump_json(exclude_unset=True).encode()).hexdigest(),  # type: ignore[attr-defined]
    )
    return await accepted_response(registry, job, wait)


@router.get("/presets")
async def list_presets() -> PresetList:
    """List the presets with their measured behaviour."""
    return PRESET_LIST
