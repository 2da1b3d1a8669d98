"""Watch, and look back: the losses of a job, and the moments that were kept."""

import io
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from gan1010 import History, Snapshots
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.training import model_at
from gan1010.types import Array, Float32s
from service.api.dependencies import ExistingJob, JobRegistry
from service.api.event_stream import progress_content
from service.api.problems import problems
from service.api.responses import NOT_MODIFIED, accepts, conditional_response, csv_response, json_response, ok
from service.api.route_classes import StrictRoute
from service.api.schemas.history import ArticleProgressOut, ProgressOut, SnapshotsOut
from service.errors import ArticleViewError
from service.job import Job

router = APIRouter(route_class=StrictRoute, tags=["watching"])

NPZ = "application/x-npz"
NOTHING = np.empty(0, np.float32)
NO_SNAPSHOTS = Snapshots(iterations=np.empty(0, np.int64), discriminators=NOTHING, generators=NOTHING)


@router.get(
    "/jobs/{job_id}/progress",
    responses=ok(
        description="The losses; as the article's two lists with view=article; as CSV on Accept: text/csv",
        model=ProgressOut | ArticleProgressOut,
        content={"text/csv": {"schema": {"type": "string"}}},
    )
    | NOT_MODIFIED
    | problems(404, 409, 422),
)
def get_progress(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    after: Annotated[int, Query(ge=0, le=2**53, description="only points past this iteration")] = 0,
    max_points: Annotated[int | None, Query(ge=1, le=2**53, description="thin to at most so many points")] = None,
    view: Annotated[Literal["article"] | None, Query(description="the lists that the article's program keeps")] = None,
) -> Response:
    """Look at the losses of a job, past `after`."""
    progress = registry.progress(job)
    history = progress.history if progress else _no_points(job)
    if view == "article":
        return conditional_response(request, _article_view(job, history))
    history = history.after(after)
    next_after = int(history.iteration[-1]) if len(history) else after
    if max_points is not None:
        history = history.thinned(max_points)
    series: dict[str, Array] = {"iteration": history.iteration, **history.series}
    if accepts(request, "text/csv"):
        return conditional_response(request, csv_response(series))
    content = progress_content(job, progress.iteration if progress else 0, history, next_after)
    return conditional_response(request, json_response(content))


@router.get(
    "/jobs/{job_id}/snapshots",
    responses=ok(
        description="The kept moments; as NumPy arrays on Accept: application/x-npz, weights by their keys in torch",
        model=SnapshotsOut,
        content={NPZ: {"schema": {"type": "string", "format": "binary"}}},
    )
    | NOT_MODIFIED
    | problems(404, 409, 422),
)
def get_snapshots(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    weights: Annotated[bool, Query(description="with the weights of both networks, to redraw any moment")] = False,
) -> Response:
    """Look at the moments that were kept: what G made of `latent_value` at each."""
    progress = registry.progress(job)
    snapshots = progress.snapshots if progress else NO_SNAPSHOTS
    content: dict[str, Any] = {"iterations": snapshots.iterations}
    if job.train_config.experiment == "gan":
        moments = [model_at(job.train_config, snapshots, int(iteration)) for iteration in snapshots.iterations]
        content["samples"] = [moment.sample([job.train_config.latent_value])[0] for moment in moments]
    if accepts(request, NPZ):
        return conditional_response(request, _npz(content | (_tensors(job, snapshots) if weights else {})))
    if weights:
        content["weights"] = _weights(job, snapshots)
    return conditional_response(request, json_response({"job_id": job.id, **content}))


def _article_view(job: Job, history: History) -> Response:
    if job.train_config.record_every != 5:
        raise ArticleViewError(
            f"the article's lists need a job whose record_every is 5, not {job.train_config.record_every}"
        )
    return json_response({"job_id": job.id, **history.article_losses()})


def _networks(job: Job, snapshots: Snapshots) -> dict[str, tuple[Layout, Float32s]]:
    """How the weights of each network lie, and the weights, a row for each snapshot."""
    config = job.train_config
    networks = {"discriminator": (discriminator_layout(config.width, config.hidden_size), snapshots.discriminators)}
    if config.experiment == "gan":
        networks["generator"] = generator_layout(config.width, config.hidden_size), snapshots.generators
    return networks


def _weights(job: Job, snapshots: Snapshots) -> dict[str, Any]:
    networks = _networks(job, snapshots)
    weights: dict[str, Any] = {name: rows for name, (_, rows) in networks.items()}
    return {**weights, "shapes": {name: layout.tensors for name, (layout, _) in networks.items()}}


def _tensors(job: Job, snapshots: Snapshots) -> dict[str, Float32s]:
    """Each tensor of both networks, as `generator.0.weight`: (snapshots, *shape)."""
    tensors = {}
    for name, (layout, rows) in _networks(job, snapshots).items():
        parts = [layout.split(row) for row in rows]
        for key, shape in layout.tensors.items():
            tensors[f"{name}.{key}"] = np.array([part[key] for part in parts], np.float32).reshape(-1, *shape)
    return tensors


def _npz(arrays: dict[str, Any]) -> Response:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return Response(file.getvalue(), media_type=NPZ)


def _no_points(job: Job) -> History:
    return History(
        iteration=np.empty(0, np.int64),
        discriminator_real_loss=NOTHING,
        discriminator_fake_loss=NOTHING,
        generator_loss=NOTHING if job.train_config.experiment == "gan" else None,
    )
