"""Plots of a sweep: a heat map of its cells over two settings."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from gan1010.sweeps.grid import SETTINGS, SweepConfig
from gan1010.sweeps.results import pivot
from service.api.dependencies import ExistingJob, JobRegistry, services_of
from service.api.limits import MAX_AXIS_VALUES
from service.api.route_classes import StrictRoute
from service.api.routes.job_plots import MEDIA_TYPES, PLOT_RESPONSES, Format, plot_response
from service.api.routes.job_responses import READ
from service.errors import InvalidInputError, PlotNotFoundError

router = APIRouter(route_class=StrictRoute, tags=["sweeps"])

DEFAULT_AXES = ("learning_rate", "loss")  # for a grid of fewer than two settings
Figure = Literal[
    "bits_rate", "in_range_rate", "settled_at_p5", "settled_at_p50", "settled_at_p95",
    "discriminator_real_loss", "discriminator_fake_loss", "generator_loss",
]  # fmt: skip


@router.get(
    "/sweeps/{job_id}/plots/{file}",
    response_class=Response,
    responses=PLOT_RESPONSES | READ,
)
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
    plot, _, format = file.rpartition(".")
    if plot != "heatmap" or format not in MEDIA_TYPES:
        raise PlotNotFoundError("No plot has this name. The plots of a sweep are heatmap.png and heatmap.svg.")
    config = job.sweep_config
    x = x or next(name for name in (*config.grid, *DEFAULT_AXES) if name != y)
    y = y or next(name for name in (*config.grid, *DEFAULT_AXES) if name != x)
    axes = _axis_values(config, "x", x), _axis_values(config, "y", y)
    if x == y:
        raise InvalidInputError("Both axes have the same setting. Send another y.", "query", "y")

    def draw() -> bytes:
        from gan1010.plots import heatmap  # imports matplotlib, which would slow down the start

        table = registry.sweep_summary(job).table(slice(None))
        return heatmap(pivot(config, table, value, x, y), *axes, x, y, value, cast(Format, format))

    image = await anyio.to_thread.run_sync(draw, limiter=services_of(request).plot_limiter)
    return plot_response(request, image, format)


def _axis_values(config: SweepConfig, axis: str, name: str) -> Sequence[Any]:
    """Return the values of a setting in the grid, or the one value that all cells share."""
    if name not in SETTINGS:
        detail = f"{axis} is not a setting. The grid has {', '.join(config.grid) or 'none'}."
        raise InvalidInputError(detail, "query", axis)
    values: Sequence[Any] = config.grid.get(name) or [getattr(config.config(0), name)]
    if len(values) > MAX_AXIS_VALUES:
        detail = f"{axis}: {name} has {len(values):,} values, and an axis at most {MAX_AXIS_VALUES:,}. Send another."
        raise InvalidInputError(detail, "query", axis)
    return values
