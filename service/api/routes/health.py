"""Operations: health, readiness, metrics and the description of the API."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import Services, services_of
from service.api.responses import Responses, json_response, ok
from service.api.route_classes import DescribedRoute
from service.api.schemas.common import Cluster, Health
from service.errors import StorageFailedError

router = APIRouter(route_class=DescribedRoute, tags=["operations"])

NOT_READY: Responses = {
    503: {
        "model": Health,
        "description": "The service is shutting down, its store does not respond, or no training thread runs",
    }
}


@router.get("/healthz")
async def healthz() -> Health:
    """Report that the process is alive."""
    return Health(status="ok")


@router.get("/readyz", responses=ok(model=Health) | NOT_READY)
def readyz(request: Request) -> Response:
    """Report whether the service can work: it is not shutting down, its store responds, a training thread runs."""
    services = services_of(request)
    if services.stopping.is_set():
        return json_response({"status": "stopping"}, 503)
    try:
        services.registry.check_store()
    except StorageFailedError:
        return json_response({"status": "storage-failed"}, 503)
    if not services.workers.is_alive:
        return json_response({"status": "no-workers"}, 503)
    return json_response({"status": "ok"})


@router.get(
    "/metrics",
    response_class=Response,
    responses=ok(
        description="Metrics for Prometheus: requests, jobs, iterations, samples and scores",
        content={"text/plain": {"schema": {"type": "string"}}},
    ),
)
async def get_metrics(request: Request) -> Response:
    """Return the metrics in the text format of Prometheus."""
    services = services_of(request)
    services.request_log.write()  # on the event loop, which records requests
    content = await run_in_threadpool(_render_metrics, services)
    return Response(content, media_type=CONTENT_TYPE_LATEST)


def _render_metrics(services: Services) -> bytes:
    registry, usage = services.registry, services.registry.usage()
    services.metrics.record_usage(usage.bytes, usage.free_bytes, usage.oldest_job)
    return services.metrics.render(registry.count())


@router.get("/cluster", responses=ok(model=Cluster))
async def get_cluster(request: Request) -> Response:
    """Show the Dask cluster that trains sweeps: its scheduler, and its workers with those that are refused."""
    return json_response(services_of(request).cluster.status)


@router.get("/openapi.json", include_in_schema=False)
async def get_description(request: Request) -> Response:
    """Describe the API, with the path under which a proxy serves it."""
    prefix = request.scope.get("prefix")
    servers = {"servers": [{"url": prefix}]} if prefix else {}
    return json_response(request.app.openapi() | servers)
