"""Plots of a job: its losses, the evolution of G's output, and D's score over a plane."""

from math import log
from typing import Annotated, Literal, cast

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from gan1010 import Progress
from gan1010.config import MAX_ITERATIONS
from gan1010.training import model_at
from service.api.dependencies import ExistingJob, JobRegistry, services_of
from service.api.responses import (
    BINARY,
    BYTES,
    PLOT_HEADERS,
    Responses,
    accepts,
    conditional_response,
    ok,
)
from service.api.route_classes import StrictRoute
from service.api.routes.job_responses import READ
from service.errors import InvalidInputError, NoGeneratorError, NoModelError, PlotNotFoundError
from service.job import Job
from service.jobs.registry import Registry

router = APIRouter(route_class=StrictRoute, tags=["watching"])

Format = Literal["png", "svg"]
MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
PLOTS = ("losses", "evolution", "surface")
PLOT_RESPONSES: Responses = ok(
    description="The plot; the same job and iteration give the same bytes",
    content=dict.fromkeys((*MEDIA_TYPES.values(), BINARY), BYTES[BINARY]),
)


@router.get(
    "/jobs/{job_id}/plots/{file}",
    response_class=Response,
    responses=PLOT_RESPONSES | READ,
)
async def get_plot(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    file: Annotated[
        str, Path(max_length=64, examples=["losses.png"], description=f"{', '.join(PLOTS)}; as .png or .svg")
    ],
    iteration: Annotated[
        int | None,
        Query(ge=0, le=MAX_ITERATIONS, description="a snapshot for the surface; the last one when left out"),
    ] = None,
) -> Response:
    """Plot a job: its losses, the evolution of G's output, or D's score over a plane."""
    plot, _, format = file.rpartition(".")
    if plot not in PLOTS or format not in MEDIA_TYPES:
        raise PlotNotFoundError(f"No plot has this name. The plots are {', '.join(PLOTS)}, as .png or .svg.")
    if iteration is not None and plot != "surface":
        raise InvalidInputError("Only the surface has an iteration. Leave it out.", "query", "iteration")
    image = await anyio.to_thread.run_sync(
        _draw, registry, job, plot, cast(Format, format), iteration, limiter=services_of(request).plot_limiter
    )
    return plot_response(request, image, format)


def plot_response(request: Request, image: bytes, format: str) -> Response:
    """Build the response with a plot; generated clients without image types accept application/octet-stream."""
    media_type = BINARY if accepts(request, BINARY) else MEDIA_TYPES[format]
    return conditional_response(request, Response(image, headers=PLOT_HEADERS, media_type=media_type))


def _draw(registry: Registry, job: Job, plot: str, format: Format, iteration: int | None) -> bytes:
    match plot:
        case "losses":
            return _losses(registry, job, format)
        case "evolution":
            return _evolution(registry, job, format)
        case _:
            return _surface(registry, job, format, iteration)


def _losses(registry: Registry, job: Job, format: Format) -> bytes:
    from gan1010 import plots  # imports matplotlib, which would slow down the start

    equilibrium = 0.25 if job.train_config.loss == "mse" else log(2)
    history = _progress(registry, job).history
    return plots.losses({"iteration": history.iteration, **history.series}, equilibrium=equilibrium, format=format)


def _evolution(registry: Registry, job: Job, format: Format) -> bytes:
    from gan1010 import plots

    config = job.train_config
    if config.experiment != "gan":
        raise NoGeneratorError("A discriminator experiment has no generator. Plot its losses or its surface.")
    snapshots = _progress(registry, job).snapshots
    shown = snapshots.iterations[np.union1d(plots.tenths(snapshots.iterations), len(snapshots.iterations) - 1)]
    models = [model_at(config, snapshots, int(iteration)) for iteration in shown]
    samples = np.concatenate([model.sample([config.latent_value]) for model in models])
    return plots.evolution(samples, shown, pattern=config.pattern, format=format)


def _surface(registry: Registry, job: Job, format: Format, iteration: int | None) -> bytes:
    from gan1010 import plots

    config = job.train_config
    model, iteration = registry.model(job.id, iteration)
    return plots.surface(
        model.score(plots.plane(config.pattern)),
        pattern=config.pattern,
        spread=config.spread,
        sample=None if model.generator is None else model.sample([config.latent_value])[0],
        moment=f"after {iteration:,} iterations" if iteration else "before any training",
        format=format,
    )


def _progress(registry: Registry, job: Job) -> Progress:
    progress = registry.progress(job)
    if progress is None:
        remedy = "Train another job." if job.has_ended else "Wait until it runs."
        raise NoModelError(f"The job is {job.status} and has no history to plot. {remedy}")
    return progress
