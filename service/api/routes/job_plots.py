"""See a job: its losses, how its pattern evolves and what its discriminator thinks, as pictures."""

from math import log
from typing import Annotated, Any, Literal, cast

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from gan1010.config import MAX_ITERATIONS
from gan1010.training import model_at
from service.api.dependencies import ExistingJob, JobRegistry, services_of
from service.api.problems import problems
from service.api.responses import (
    BINARY,
    BYTES,
    NOT_MODIFIED,
    PLOT_HEADERS,
    Responses,
    accepts,
    conditional_response,
    ok,
)
from service.api.route_classes import StrictRoute
from service.errors import InvalidInputError, NoGeneratorError, NoModelError, PlotNotFoundError
from service.job import Job
from service.jobs.registry import Registry

router = APIRouter(route_class=StrictRoute, tags=["watching"])

Format = Literal["png", "svg"]
MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
PLOTS = ("losses", "evolution", "surface")
PICTURE: Responses = ok(
    description="The picture; the same job and moment always give the same bytes",
    content=dict.fromkeys((*MEDIA_TYPES.values(), BINARY), BYTES[BINARY]),
)


@router.get(
    "/jobs/{job_id}/plots/{file}", response_class=Response, responses=PICTURE | NOT_MODIFIED | problems(404, 409, 422)
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
        Query(ge=0, le=MAX_ITERATIONS, description="for the surface: a kept snapshot; the last, when left out"),
    ] = None,
) -> Response:
    """Draw a job: its losses, how its pattern evolves, or what its discriminator thinks."""
    plot, _, format = file.rpartition(".")
    if plot not in PLOTS or format not in MEDIA_TYPES:
        raise PlotNotFoundError(f"the plots are {', '.join(PLOTS)}, each as .png and as .svg, such as surface.png")
    if iteration is not None and plot != "surface":
        raise InvalidInputError("only the surface is of one moment; leave iteration out", "query", "iteration")
    picture = await anyio.to_thread.run_sync(
        _draw, registry, job, plot, cast(Format, format), iteration, limiter=services_of(request).plot_limiter
    )
    return picture_answer(request, picture, format)


def picture_answer(request: Request, picture: bytes, format: str) -> Response:
    """A picture, or just its bytes for a program that has no word for pictures: many that are generated have none."""
    kind = BINARY if accepts(request, BINARY) else MEDIA_TYPES[format]
    return conditional_response(request, Response(picture, headers=PLOT_HEADERS, media_type=kind))


def _draw(registry: Registry, job: Job, plot: str, format: Format, iteration: int | None) -> bytes:
    match plot:
        case "losses":
            return _losses(registry, job, format)
        case "evolution":
            return _evolution(registry, job, format)
        case _:
            return _surface(registry, job, format, iteration)


def _losses(registry: Registry, job: Job, format: Format) -> bytes:
    from gan1010 import plots  # matplotlib is loaded by who first needs it, not while the service starts

    equilibrium = 0.25 if job.train_config.loss == "mse" else log(2)
    progress = registry.progress(job)
    if progress is None:
        raise _nothing_yet(job)
    series: dict[str, Any] = {"iteration": progress.history.iteration, **progress.history.series}
    return plots.losses(series, equilibrium=equilibrium, format=format)


def _evolution(registry: Registry, job: Job, format: Format) -> bytes:
    from gan1010 import plots

    config = job.train_config
    if config.experiment != "gan":
        raise NoGeneratorError(
            "the job is a discriminator experiment, which trains no generator; its losses can be drawn"
        )
    progress = registry.progress(job)
    if progress is None:
        raise _nothing_yet(job)
    kept = progress.snapshots.iterations
    shown = kept[np.union1d(plots.tenths(kept), len(kept) - 1)]
    moments = [model_at(config, progress.snapshots, int(iteration)) for iteration in shown]
    samples = np.concatenate([moment.sample([config.latent_value]) for moment in moments])
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


def _nothing_yet(job: Job) -> NoModelError:
    what_next = "train another" if job.has_ended else "wait until it runs"
    return NoModelError(f"the job is {job.status} and has left nothing to draw; {what_next}")
