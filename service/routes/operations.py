"""Operate: whether the process lives, and whether it is ready for work."""

from fastapi import APIRouter, Request, Response

from service.answers import DescribedRoute, json_answer
from service.schemas import Health

router = APIRouter(route_class=DescribedRoute, tags=["operations"])


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process serves."""
    return Health(status="ok")


@router.get("/readyz", responses={200: {"model": Health}, 503: {"model": Health, "description": "Stopping"}})
async def readyz(request: Request) -> Response:
    """Say whether models and store are ready."""
    if request.app.state.stopping:
        return json_answer({"status": "stopping"}, 503)
    return json_answer({"status": "ok"})
