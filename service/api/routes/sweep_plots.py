"""See a sweep: a figure of its cells over two settings, as a picture."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from gan1010.sweeps.grid import SETTINGS, SweepConfig
from gan1010.sweeps.results import pivot
from service.api.dependencies import ExistingJob, JobRegistry, services_of
from service.api.problems import problems
from service.api.responses import NOT_MODIFIED
from service.api.route_classes import StrictRoute
from service.api.routes.job_plots import MEDIA_TYPES, PICTURE, Format, picture_answer
from service.errors import InvalidInputError, PlotNotFoundError

router = APIRouter(route_class=StrictRoute, tags=["sweeps"])

MOST_ON_AN_AXIS = 1000  # values, so that a picture of a million cells is drawn in a second
OTHERWISE = ("learning_rate", "loss")  # the axes where the grid has fewer than two fields
Figure = Literal[
    "bits_rate", "in_range_rate", "settled_at_p5", "settled_at_p50", "settled_at_p95",
    "discriminator_real_loss", "discriminator_fake_loss", "generator_loss",
]  # fmt: skip


@router.get(
    "/sweeps/{job_id}/plots/{file}", response_class=Response, responses=PICTURE | NOT_MODIFIED | problems(404, 409, 422)
)
async def get_sweep_plot(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    file: Annotated[str, Path(max_length=64, examples=["heatmap.png"], description="heatmap.png or heatmap.svg")],
    x: Annotated[str | None, Query(max_length=64, description="from left to right; the grid's first field")] = None,
    y: Annotated[str | None, Query(max_length=64, description="from top to bottom; the grid's next field")] = None,
    value: Annotated[Figure, Query(description="the figure: its mean over the grid's other fields")] = "in_range_rate",
) -> Response:
    """Draw a figure of a sweep's cells over two settings, also while it runs."""
    plot, _, format = file.rpartition(".")
    if plot != "heatmap" or format not in MEDIA_TYPES:
        raise PlotNotFoundError("a sweep's plots are heatmap.png and heatmap.svg")
    config = job.sweep_config
    x = x or next(name for name in (*config.grid, *OTHERWISE) if name != y)
    y = y or next(name for name in (*config.grid, *OTHERWISE) if name != x)
    axes = _axis(config, "x", x), _axis(config, "y", y)
    if x == y:
        raise InvalidInputError("y: it must be another setting than x", "query", "y")

    def draw() -> bytes:
        from gan1010.plots import heatmap  # matplotlib is loaded by who first needs it

        table = registry.sweep_summary(job).table(slice(None))
        return heatmap(pivot(config, table, value, x, y), *axes, x, y, value, cast(Format, format))

    picture = await anyio.to_thread.run_sync(draw, limiter=services_of(request).plot_limiter)
    return picture_answer(request, picture, format)


def _axis(config: SweepConfig, axis: str, name: str) -> Sequence[Any]:
    """The values of a setting: one, if it is not in the grid."""
    if name not in SETTINGS:
        raise InvalidInputError(
            f"{axis}: it must be a field of the grid, one of {', '.join(config.grid)}", "query", axis
        )
    values: Sequence[Any] = config.grid.get(name) or [getattr(config.config(0), name)]
    if len(values) > MOST_ON_AN_AXIS:
        detail = f"{axis}: {name} has {len(values):,} values, and a picture room for {MOST_ON_AN_AXIS:,}"
        raise InvalidInputError(detail, "query", axis)
    return values
