"""The application: `create_app` connects all parts."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from gan1010.compiled.arithmetic import CompilerDisabledError, check_compiler
from gan1010.warmup import compile_kernel
from service.api.data_plane import DataPlane
from service.api.dependencies import Services
from service.api.error_handlers import install_error_handlers
from service.api.inference import sample_and_score, v2_infer, v2_repository
from service.api.middleware.access_control import AccessControlMiddleware
from service.api.middleware.body_limit import BodyLimitMiddleware
from service.api.middleware.proxies import ProxyMiddleware
from service.api.middleware.request_log import RequestLog, RequestLogMiddleware
from service.api.openapi.description import install_description
from service.api.routes import events, health, history, jobs, models, pages, plots, sweeps
from service.api_keys import ApiKeys
from service.errors import ServiceError
from service.jobs.cluster import Cluster
from service.jobs.pruning import Pruner
from service.jobs.registry import Registry
from service.jobs.scheduler import SchedulerError, check_dask
from service.jobs.worker import WorkerPool
from service.settings import Settings
from service.storage.data_folder import DataFolderError
from service.storage.migrations import StoreVersionError
from service.storage.store import Store
from service.telemetry.metrics import Metrics

STARTUP_ERRORS = (
    CompilerDisabledError,
    DataFolderError,
    StoreVersionError,
    SchedulerError,
    ServiceError,
    OSError,
    sqlite3.Error,
)
DESCRIPTION = """
Train the GAN that learns the pattern 1-0-1-0, watch it learn, sample it and score with it.

A `POST /train` without a body is the article's run; with `?wait=10` it responds when the run has ended.
"""
TAGS = {
    "training": "Start, list, read, pause, resume, cancel and delete jobs.",
    "watching": "Losses while they are recorded, and snapshots.",
    "sweeps": "Hundreds of thousands of trainings at once, and their results.",
    "inference": "Sample with the generator, score with the discriminator.",
    "models": "Download finished models.",
    "protocol": "The Open Inference Protocol (v2), for clients of Triton and KServe.",
    "operations": "Health, readiness and metrics.",
}


class App(FastAPI):
    """FastAPI inside the service's middleware, which also sees the responses to unexpected errors."""

    __call__ = Starlette.__call__  # FastAPI's is for telemetry, which is off

    def build_middleware_stack(self) -> ASGIApp:
        """Add the middleware, from the inside out."""
        services: Services = self.state.services
        settings = services.settings
        limited = BodyLimitMiddleware(DataPlane(super().build_middleware_stack(), self.routes), settings.max_body_bytes)
        controlled: ASGIApp = AccessControlMiddleware(limited, services.keys, settings.allowed_hosts, services.metrics)
        if settings.root_path or settings.trusted_proxies:
            controlled = ProxyMiddleware(controlled, settings.root_path, settings.trusted_proxies)
        return RequestLogMiddleware(controlled, services.request_log)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application. Its lifespan compiles the kernel, starts the workers and stops them.

    Raises:
        STARTUP_ERRORS: another process uses the data folder, or it or the scheduler is unusable, or Numba is disabled.
    """
    check_compiler()
    settings = settings or Settings()
    if settings.scheduler is not None:
        check_dask()
    store = Store(settings.data_dir)
    services = _build_services(settings, store)
    pruner = Pruner(services.registry, settings.retention)
    app = App(
        title="gan1010",
        version=version("gan1010"),
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": description} for name, description in TAGS.items()],
        lifespan=_lifespan(services, pruner, store),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # behind TLS, the redirect to http:// would make clients send their key in plain text
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    install_error_handlers(app)
    frequent = sample_and_score, v2_infer, jobs, history, events
    others = sweeps, plots, models, health, v2_repository, pages
    for module in (*frequent, *others):
        app.router.routes.extend(module.router.routes)  # `include_router` would match each path twice
    app.mount("/assets", pages.assets(), name="assets")
    install_description(app)
    return app


def _build_services(settings: Settings, store: Store) -> Services:
    """Build what all requests share, and connect to the scheduler."""
    metrics = Metrics()
    registry = Registry(store, settings.queue_size, metrics)
    workers = WorkerPool(registry, settings.workers)
    cluster = Cluster(registry, workers, settings.scheduler, fallback=settings.scheduler_fallback)
    cluster.start()
    return Services(
        settings=settings,
        keys=ApiKeys(settings.api_key.get_secret_value()),
        metrics=metrics,
        request_log=RequestLog(metrics),
        registry=registry,
        workers=workers,
        cluster=cluster,
    )


def _lifespan(
    services: Services, pruner: Pruner, store: Store
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, RequestLog]]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, RequestLog]]:
        await run_in_threadpool(compile_kernel)
        services.workers.start()
        pruner.start()
        yield {"request_log": services.request_log}  # the connections see nothing else of the application
        services.stop_waiting()
        services.workers.request_stop()
        await run_in_threadpool(services.cluster.stop)
        await run_in_threadpool(pruner.stop)
        await run_in_threadpool(services.workers.stop)
        store.close()
        services.request_log.write()

    return lifespan
