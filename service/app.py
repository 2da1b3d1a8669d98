"""The application, wired: the only place that knows every part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from service.answers import install_error_handlers
from service.description import describe
from service.registry import Registry
from service.routes import history, inference, models, operations, page, training
from service.runner import Runner, compile_kernel
from service.settings import Settings
from service.store import Store

DESCRIPTION = """
Train the GAN that learns to produce the pattern 1-0-1-0, watch it learn, sample it and score with it.

An empty `POST /train` is the article's run; `?wait=10` answers when it has ended.
"""


TAGS = {
    "training": "Start jobs, list them, wait for them, cancel and delete them.",
    "watching": "Losses as they come, and the moments that were kept.",
    "inference": "Sample with the generator, score with the discriminator.",
    "models": "Take finished models away.",
    "operations": "Whether the service lives, and is ready.",
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, with a data folder of its own: it works from now on, and its lifespan ends it.

    Raises:
        FolderInUseError: another process has the folder.
    """
    settings = settings or Settings()
    store = Store(settings.data_dir)
    registry = Registry(store, settings.queue_size)
    runner = Runner(registry, settings.workers)
    runner.start()

    def stop_waiting() -> None:
        app.state.stopping = True
        registry.release()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(compile_kernel)
        yield
        stop_waiting()
        await run_in_threadpool(runner.stop)
        store.close()

    app = FastAPI(
        title="gan1010",
        version=version("gan1010"),
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": description} for name, description in TAGS.items()],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.registry, app.state.max_body_bytes = registry, settings.max_body_bytes
    app.state.stopping, app.state.stop_waiting = False, stop_waiting
    install_error_handlers(app)
    for part in (inference, training, history, models, operations, page):  # the most asked first
        app.router.routes.extend(part.router.routes)  # `include_router` would match each request's path twice
    app.mount("/assets", StaticFiles(directory=page.PAGE), name="assets")
    describe(app)
    return app
