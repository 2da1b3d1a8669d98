"""Dependencies of the routes: shared services, common parameters, and the job in the path."""

import threading
from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Path, Query, Request

from service.api.event_stream import JobViews
from service.api.limits import MAX_PAGE_SIZE, MAX_WAIT_SECONDS
from service.api.middleware.request_log import RequestLog
from service.api_keys import ApiKeys
from service.job import JOB_ID_PATTERN, Job
from service.jobs.cluster import Cluster
from service.jobs.registry import Registry
from service.jobs.worker import WorkerPool
from service.settings import Settings
from service.telemetry.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class Services:
    """The objects that all requests of one application share; `create_app` builds them."""

    settings: Settings
    keys: ApiKeys
    metrics: Metrics
    request_log: RequestLog
    registry: Registry
    workers: WorkerPool
    cluster: Cluster
    plot_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))  # matplotlib draws one at a time
    job_views: JobViews = field(default_factory=JobViews)
    unloaded_models: set[str] = field(default_factory=set)  # of the Open Inference Protocol
    stopping: threading.Event = field(default_factory=threading.Event)

    def stop_waiting(self) -> None:
        """Release the requests that wait for a job: the process shuts down."""
        self.stopping.set()
        self.registry.release()


def services_of(request: Request) -> Services:
    """Return the services of the application that received the request."""
    services: Services = request.scope["app"].state["services"]  # an attribute takes four times as long
    return services


async def _registry(request: Request) -> Registry:
    return services_of(request).registry


JobRegistry = Annotated[Registry, Depends(_registry)]
JobId = Annotated[str, Path(description="a job's id", max_length=64)]


def _existing_job(job_id: JobId, registry: JobRegistry) -> Job:
    return registry.job(job_id)


ExistingJob = Annotated[Job, Depends(_existing_job)]
Wait = Annotated[
    float, Query(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False, description="seconds to wait for the job's end")
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="how many")]
After = Annotated[str | None, Query(pattern=JOB_ID_PATTERN, description="`next` of the previous page")]
