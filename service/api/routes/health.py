"""Operate: whether the process lives, whether it is ready for work, and what it does."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.dependencies import services_of
from service.api.responses import json_response, ok
from service.api.route_classes import DescribedRoute
from service.api.schemas.health import Health

router = APIRouter(route_class=DescribedRoute, tags=["operations"])


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process serves."""
    return Health(status="ok")


@router.get("/readyz", responses={200: {"model": Health}, 503: {"model": Health, "description": "Stopping"}})
async def readyz(request: Request) -> Response:
    """Say whether models and store are ready."""
    if services_of(request).stopping.is_set():
        return json_response({"status": "stopping"}, 503)
    return json_response({"status": "ok"})


@router.get(
    "/metrics",
    response_class=Response,
    responses=ok(
        description="Figures for Prometheus: requests, jobs, and what was trained, sampled and scored",
        content={"text/plain": {"schema": {"type": "string"}}},
    ),
)
def get_metrics(request: Request) -> Response:
    """Measure: figures in the text format of Prometheus."""
    services = services_of(request)
    return Response(services.metrics.render(services.registry.count()), media_type=CONTENT_TYPE_LATEST)
