"""Plots: a job's losses, the evolution of G's output and D's score over a plane; a heat map of a sweep's cells."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, cast

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from gan1010 import Progress
from gan1010.config import MAX_ITERATIONS
from gan1010.sweeps.grid import SETTINGS, SweepConfig
from gan1010.sweeps.pivot import axis_values, choose_axes, pivot
from gan1010.training import samples_at
from service.api.dependencies import ExistingJob, JobRegistry, services_of
from service.api.limits import MAX_AXIS_VALUES
from service.api.responses import BINARY, BYTES, PLOT_HEADERS, Responses, accepts, ok
from service.api.route_classes import DescribedRoute
from service.api.routes.jobs import READ
from service.errors import InvalidInputError, NoGeneratorError, NoModelError, PlotNotFoundError
from service.job import Job
from service.jobs.registry import Registry

router = APIRouter(route_class=DescribedRoute)

Format = Literal["png", "svg"]
Figure = Literal[
    "bits_rate", "in_range_rate", "settled_at_p5", "settled_at_p50", "settled_at_p95",
    "covers_all_rate", "covered", "quality", "diversity",
    "discriminator_real_loss", "discriminator_fake_loss", "generator_loss",
]  # fmt: skip
Draw = Callable[..., bytes]
MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
PLOT: Responses = READ | ok(
    description="The plot; the same job and iteration give the same bytes",
    content=dict.fromkeys((*MEDIA_TYPES.values(), BINARY), BYTES[BINARY]),
)


@router.get("/jobs/{job_id}/plots/{file}", response_class=Response, responses=PLOT, tags=["watching"])
async def get_plot(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    file: Annotated[
        str, Path(max_length=64, examples=["losses.png"], description="losses, evolution, surface; as .png or .svg")
    ],
    iteration: Annotated[
        int | None,
        Query(ge=0, le=MAX_ITERATIONS, description="a snapshot for the surface; the last one when left out"),
    ] = None,
) -> Response:
    """Plot a job: its losses, the evolution of G's output, or D's score over a plane."""
    draw, format = _parse_name(file, JOB_PLOTS)
    if iteration is not None and draw is not _draw_surface:
        raise InvalidInputError("Only the surface has an iteration. Leave it out.", "query", "iteration")
    return await _respond(request, format, partial(draw, registry, job, iteration))


@router.get("/sweeps/{job_id}/plots/{file}", response_class=Response, responses=PLOT, tags=["sweeps"])
async def get_sweep_plot(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    file: Annotated[str, Path(max_length=64, examples=["heatmap.png"], description="heatmap.png or heatmap.svg")],
    x: Annotated[
        str | None, Query(max_length=64, description="the horizontal axis; by default the grid's first field")
    ] = None,
    y: Annotated[
        str | None, Query(max_length=64, description="the vertical axis; by default the grid's next field")
    ] = None,
    value: Annotated[Figure, Query(description="the figure: its mean over the grid's other fields")] = "in_range_rate",
) -> Response:
    """Plot a figure of a sweep's cells over two settings, also while the sweep runs."""
    draw, format = _parse_name(file, {"heatmap": _draw_heatmap})
    config = job.sweep_config
    x, y = choose_axes(config, x, y)
    axes = _axis_values(config, "x", x), _axis_values(config, "y", y)
    if x == y:
        raise InvalidInputError("Both axes have the same setting. Send another y.", "query", "y")
    return await _respond(request, format, partial(draw, registry, job, axes, x, y, value))


def _parse_name(file: str, plots: Mapping[str, Draw]) -> tuple[Draw, Format]:
    name, _, format = file.rpartition(".")
    if name not in plots or format not in MEDIA_TYPES:
        raise PlotNotFoundError(f"No plot has this name. The plots are {', '.join(plots)}, as .png or .svg.")
    return plots[name], cast(Format, format)


async def _respond(request: Request, format: Format, draw: Callable[[Format], bytes]) -> Response:
    """Draw a plot, one at a time; generated clients without image types accept application/octet-stream."""
    image = await anyio.to_thread.run_sync(draw, format, limiter=services_of(request).plot_limiter)
    media_type = BINARY if accepts(request, BINARY) else MEDIA_TYPES[format]
    return Response(image, headers=PLOT_HEADERS, media_type=media_type)


def _draw_losses(registry: Registry, job: Job, _: int | None, format: Format) -> bytes:
    from gan1010 import plots  # imports matplotlib, which would slow down the start

    equilibrium = plots.EQUILIBRIA[job.train_config.loss]
    history = _progress(registry, job).history
    return plots.losses({"iteration": history.iteration, **history.series}, equilibrium=equilibrium, format=format)


def _draw_evolution(registry: Registry, job: Job, _: int | None, format: Format) -> bytes:
    from gan1010 import plots

    config = job.train_config
    if config.experiment != "gan":
        raise NoGeneratorError("A discriminator experiment has no generator. Plot its losses or its surface.")
    snapshots = _progress(registry, job).snapshots
    shown = snapshots.take(np.union1d(plots.tenths(snapshots.iterations), len(snapshots) - 1))
    return plots.evolution(samples_at(config, shown), shown.iterations, pattern=config.pattern, format=format)


def _draw_surface(registry: Registry, job: Job, iteration: int | None, format: Format) -> bytes:
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


JOB_PLOTS = {"losses": _draw_losses, "evolution": _draw_evolution, "surface": _draw_surface}


def _draw_heatmap(
    registry: Registry, job: Job, axes: tuple[Sequence[Any], Sequence[Any]], x: str, y: str, value: str, format: Format
) -> bytes:
    from gan1010 import plots

    table = registry.sweep_summary(job).table(slice(None))
    return plots.heatmap(pivot(job.sweep_config, table, value, x, y), *axes, x, y, value, format)


def _progress(registry: Registry, job: Job) -> Progress:
    progress = registry.progress(job)
    if progress is None:
        remedy = "Train another job." if job.has_ended else "Wait until it runs."
        raise NoModelError(f"The job is {job.status} and has no history to plot. {remedy}")
    return progress


def _axis_values(config: SweepConfig, axis: str, name: str) -> Sequence[Any]:
    """Return the values on an axis, or raise InvalidInputError if it has none or too many."""
    if name not in SETTINGS:
        detail = f"{axis} is not a setting. The grid has {', '.join(config.grid) or 'none'}."
        raise InvalidInputError(detail, "query", axis)
    values = axis_values(config, name)
    if len(values) > MAX_AXIS_VALUES:
        detail = f"{axis}: {name} has {len(values):,} values, and an axis at most {MAX_AXIS_VALUES:,}. Send another."
        raise InvalidInputError(detail, "query", axis)
    return values
