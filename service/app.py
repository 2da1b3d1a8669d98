"""The application, wired: the only place that knows every part."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from gan1010.warmup import compile_kernel
from service.api.dependencies import Services
from service.api.error_handlers import install_error_handlers
from service.api.event_stream import JobStreams
from service.api.inference import binary, sample_and_score, v2_infer, v2_repository
from service.api.middleware.access_control import AccessControlMiddleware
from service.api.middleware.body_limit import BodyLimitMiddleware
from service.api.middleware.request_log import RequestLog, RequestLogMiddleware
from service.api.openapi.description import install_description
from service.api.routes import events, health, history, job_plots, jobs, models, pages, script, sweep_plots, sweeps
from service.api.v2_models import V2Models
from service.api_keys import ApiKeys
from service.errors import ServiceError
from service.jobs.registry import Registry
from service.jobs.worker import WorkerPool
from service.settings import Settings
from service.storage.migrations import StoreVersionError
from service.storage.store import DataFolderInUseError, Store
from service.telemetry.metrics import Metrics

CANNOT_START = (DataFolderInUseError, StoreVersionError, ServiceError, OSError, sqlite3.Error)  # each says why
DESCRIPTION = """
Train the GAN that learns to produce the pattern 1-0-1-0, watch it learn, sample it and score with it.

An empty `POST /train` is the article's run; `?wait=10` answers when it has ended.
"""


TAGS = {
    "training": "Start jobs, list them, wait for them, pause, resume, cancel and delete them.",
    "watching": "Losses as they come, and the moments that were kept.",
    "sweeps": "Train by the hundred thousand, and see what comes of it.",
    "inference": "Sample with the generator, score with the discriminator.",
    "models": "Take finished models away.",
    "protocol": "The Open Inference Protocol (v2), for clients of Triton and KServe.",
    "operations": "Whether the service lives, and is ready.",
}


class App(FastAPI):
    """FastAPI, with the layers around all that it answers, its own failures included."""

    def build_middleware_stack(self) -> ASGIApp:
        """The layers, from the inside out."""
        services: Services = self.state.services
        settings = services.settings
        keys = ApiKeys(settings.api_key.get_secret_value())
        limited = BodyLimitMiddleware(super().build_middleware_stack(), settings.max_body_bytes)
        controlled = AccessControlMiddleware(limited, keys, settings.allowed_hosts)
        return RequestLogMiddleware(controlled, services.request_log)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, with a data folder of its own: it works from now on, and its lifespan ends it.

    Raises:
        CANNOT_START: another process has the folder, or it cannot be used.
    """
    settings = settings or Settings()
    store = Store(settings.data_dir)
    metrics = Metrics()
    registry = Registry(store, settings.queue_size, metrics)
    services = Services(
        settings=settings,
        metrics=metrics,
        request_log=RequestLog(metrics, settings.log_format),
        registry=registry,
        v2_models=V2Models(registry),
        job_streams=JobStreams(),
        plot_limiter=CapacityLimiter(1),  # matplotlib draws one plot at a time
    )
    workers = WorkerPool(registry, settings.workers)
    workers.start()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, RequestLog]]:
        await run_in_threadpool(compile_kernel)
        yield {"request_log": services.request_log}  # the connections see nothing else of the application
        services.stop_waiting()
        await run_in_threadpool(workers.stop)
        store.close()

    app = App(
        title="gan1010",
        version=version("gan1010"),
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": description} for name, description in TAGS.items()],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    install_error_handlers(app)
    most_asked = binary, sample_and_score, v2_infer, jobs, history, events
    others = sweeps, job_plots, sweep_plots, models, script, health, v2_repository, pages
    for part in (*most_asked, *others):
        app.router.routes.extend(part.router.routes)  # `include_router` would match each request's path twice
    app.mount("/assets", pages.assets(), name="assets")
    install_description(app)
    return app
