"""Watch, and look back: the losses of a job, and the moments that were kept."""

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Query, Request, Response

from gan1010 import History, Snapshots
from gan1010.layout import discriminator_layout, generator_layout
from gan1010.training import model_at
from service.answers import UNCHANGED, StrictRoute, csv_answer, json_answer, ok, prefers_csv, problems, unless_known
from service.deps import ExistingJob, Jobs
from service.errors import NotAsInTheArticle
from service.jobs import Job
from service.schemas import ArticleProgressOut, ProgressOut, SnapshotsOut

router = APIRouter(route_class=StrictRoute, tags=["watching"])

NOTHING = np.empty(0, np.float32)
NO_SNAPSHOTS = Snapshots(iterations=np.empty(0, np.int64), discriminators=NOTHING, generators=NOTHING)


@router.get(
    "/jobs/{job_id}/progress",
    responses=ok(
        description="The losses; as the article's two lists with view=article; as CSV on Accept: text/csv",
        model=ProgressOut | ArticleProgressOut,
        content={"text/csv": {"schema": {"type": "string"}}},
    )
    | UNCHANGED
    | problems(404, 409, 422),
)
def get_progress(
    request: Request,
    registry: Jobs,
    job: ExistingJob,
    after: Annotated[int, Query(ge=0, le=2**53, description="only points past this iteration")] = 0,
    max_points: Annotated[int | None, Query(ge=1, le=2**53, description="thin to at most so many points")] = None,
    view: Annotated[Literal["article"] | None, Query(description="the lists that the article's program keeps")] = None,
) -> Response:
    """Look at the losses of a job, from `after` on."""
    progress = registry.progress(job)
    history = progress.history if progress else _no_points(job)
    if view == "article":
        return unless_known(request, _article_view(job, history))
    history = history.after(after)
    next_after = int(history.iteration[-1]) if len(history) else after
    if max_points is not None:
        history = history.thinned(max_points)
    series: dict[str, npt.NDArray[Any]] = {"iteration": history.iteration, **history.series}
    if prefers_csv(request):
        return unless_known(request, csv_answer(series))
    content = {
        "job_id": job.id,
        "status": job.status,
        "iteration": progress.iteration if progress else 0,
        "iterations": job.config.iterations,
        "record_every": job.config.record_every,
        "series": series,
        "next_after": next_after,
    }
    return unless_known(request, json_answer(content))


@router.get("/jobs/{job_id}/snapshots", responses=ok(model=SnapshotsOut) | UNCHANGED | problems(404, 422))
def get_snapshots(
    request: Request,
    registry: Jobs,
    job: ExistingJob,
    weights: Annotated[bool, Query(description="with the weights of both networks, to redraw any moment")] = False,
) -> Response:
    """Look at the moments that were kept: what G made of `latent_value` at each."""
    progress = registry.progress(job)
    snapshots = progress.snapshots if progress else NO_SNAPSHOTS
    content: dict[str, Any] = {"job_id": job.id, "iterations": snapshots.iterations}
    if job.config.experiment == "gan":
        moments = [model_at(job.config, snapshots, int(iteration)) for iteration in snapshots.iterations]
        content["samples"] = [moment.sample([job.config.latent_value])[0] for moment in moments]
    if weights:
        content["weights"] = _weights(job, snapshots)
    return unless_known(request, json_answer(content))


def _article_view(job: Job, history: History) -> Response:
    if job.config.record_every != 5:
        raise NotAsInTheArticle(
            f"the article's lists need a job whose record_every is 5, not {job.config.record_every}"
        )
    return json_answer({"job_id": job.id, **history.as_in_the_article()})


def _weights(job: Job, snapshots: Snapshots) -> dict[str, Any]:
    layouts = {"discriminator": discriminator_layout(job.config.width, job.config.hidden_size)}
    weights = {"discriminator": snapshots.discriminators}
    if job.config.experiment == "gan":
        layouts["generator"] = generator_layout(job.config.width, job.config.hidden_size)
        weights["generator"] = snapshots.generators
    return {**weights, "shapes": {network: layout.tensors for network, layout in layouts.items()}}


def _no_points(job: Job) -> History:
    return History(
        iteration=np.empty(0, np.int64),
        discriminator_real_loss=NOTHING,
        discriminator_fake_loss=NOTHING,
        generator_loss=NOTHING if job.config.experiment == "gan" else None,
    )
