"""History of a job: its losses and its snapshots."""

import io
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from gan1010 import History, Snapshots
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.training import samples_at
from gan1010.types import Array, Float32s
from service.api.dependencies import ExistingJob, JobRegistry
from service.api.event_stream import progress_content
from service.api.limits import MAX_QUERY_INTEGER
from service.api.responses import NPZ, accepts, csv_response, json_response, ok
from service.api.route_classes import DescribedRoute
from service.api.routes.jobs import READ
from service.api.schemas.history import ArticleProgressOut, ProgressOut, SnapshotsOut
from service.errors import ArticleViewError
from service.job import Job

router = APIRouter(route_class=DescribedRoute, tags=["watching"])

EMPTY = np.empty(0, np.float32)
NO_WEIGHTS = np.empty((0, 0), np.float32)
NO_SNAPSHOTS = Snapshots(iterations=np.empty(0, np.int64), discriminators=NO_WEIGHTS, generators=NO_WEIGHTS)
PROGRESS = READ | ok(
    description="The losses; the article's two lists with view=article; CSV on Accept: text/csv",
    model=ProgressOut | ArticleProgressOut,
    content={"text/csv": {"schema": {"type": "string"}}},
)
SNAPSHOTS = READ | ok(
    description="The snapshots; NumPy arrays on Accept: application/x-npz, with the weights under their torch keys",
    model=SnapshotsOut,
    content={NPZ: {"schema": {"type": "string", "format": "binary"}}},
)


@router.get("/jobs/{job_id}/progress", responses=PROGRESS)
def get_progress(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    after: Annotated[int, Query(ge=0, le=MAX_QUERY_INTEGER, description="only points past this iteration")] = 0,
    max_points: Annotated[
        int | None, Query(ge=1, le=MAX_QUERY_INTEGER, description="thin to at most this many points")
    ] = None,
    view: Annotated[Literal["article"] | None, Query(description="the lists that the article's program keeps")] = None,
) -> Response:
    """Return the losses of a job past `after`."""
    progress = registry.progress(job)
    history = progress.history if progress else _empty_history(job)
    if view == "article":
        return _article_view(job, history)
    history = history.after(after)
    next_after = int(history.iteration[-1]) if len(history) else after
    if max_points is not None:
        history = history.thinned(max_points)
    series: dict[str, Array] = {"iteration": history.iteration, **history.series}
    if accepts(request, "text/csv"):
        return csv_response(series)
    content = progress_content(job, progress.iteration if progress else 0, history, next_after)
    return json_response(content)


@router.get("/jobs/{job_id}/snapshots", responses=SNAPSHOTS)
def get_snapshots(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    weights: Annotated[bool, Query(description="include the weights of both networks")] = False,
) -> Response:
    """Return the snapshots of a job: G's output for `latent_value` at each."""
    progress = registry.progress(job)
    snapshots = progress.snapshots if progress else NO_SNAPSHOTS
    content: dict[str, Any] = {"iterations": snapshots.iterations}
    if job.train_config.experiment == "gan":
        content["samples"] = list(samples_at(job.train_config, snapshots))
    if accepts(request, NPZ):
        file, arrays = io.BytesIO(), content | (_tensors(job, snapshots) if weights else {})
        np.savez(file, **arrays)
        return Response(file.getvalue(), media_type=NPZ)
    if weights:
        content["weights"] = _weights(job, snapshots)
    return json_response({"job_id": job.id, **content})


def _article_view(job: Job, history: History) -> Response:
    every = job.train_config.resolved.record_every
    if every != 5:
        raise ArticleViewError(f"The article's lists need record_every 5, and this job has {every}. Train another job.")
    return json_response({"job_id": job.id, **history.article_losses()})


def _networks(job: Job, snapshots: Snapshots) -> dict[str, tuple[Layout, Float32s]]:
    """Return the layout and the weights of each network: (snapshots, weights)."""
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
    """Return each tensor of both networks by a key such as `generator.0.weight`: (snapshots, *shape)."""
    networks = _networks(job, snapshots).items()
    return {f"{name}.{key}": part for name, (layout, rows) in networks for key, part in layout.split(rows).items()}


def _empty_history(job: Job) -> History:
    return History(
        iteration=np.empty(0, np.int64),
        discriminator_real_loss=EMPTY,
        discriminator_fake_loss=EMPTY,
        generator_loss=EMPTY if job.train_config.experiment == "gan" else None,
    )
