"""Sweeps: start many trainings at once, and read their results by cell and by member."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import NO_MEMBERS
from service.api.dependencies import ExistingJob, JobRegistry, Wait
from service.api.limits import DEFAULT_PAGE_SIZE, MAX_CELLS_PER_PAGE, MAX_PAGE_SIZE, MAX_QUERY_INTEGER
from service.api.problems import problems
from service.api.responses import NPZ, accepts, csv_response, csv_stream, json_response, npz_stream, ok
from service.api.route_classes import DescribedRoute
from service.api.routes.jobs import (
    READ,
    TRAINING_ACCEPTED,
    IdempotencyKey,
    accepted_responses,
    start_job,
)
from service.api.schemas.common import page_content
from service.api.schemas.sweep_results import (
    CellPage,
    MemberPage,
    cell_columns,
    cell_rows,
    member_column,
    member_columns,
    member_csv_columns,
    member_rows,
)
from service.api.schemas.sweeps import SweepRequest, fingerprint, to_sweep_config
from service.errors import InvalidInputError, MemberNotFoundError
from service.jobs.sweep_runs import FinishedMembers

router = APIRouter(route_class=DescribedRoute, tags=["sweeps"])

SWEEP_ACCEPTED = accepted_responses(
    job="get_job", results="get_results", members="list_members", cancel="cancel_job", delete="delete_job"
)
RESULTS = READ | ok(
    description="The cells, also of a running sweep; as CSV on Accept: text/csv, with a Link to the next page",
    model=CellPage,
    content={"text/csv": {"schema": {"type": "string"}}},
)
MEMBERS = READ | ok(
    description="A page of the finished members; all of them, as a stream, on Accept: text/csv or application/x-npz",
    model=MemberPage,
    content={"text/csv": {"schema": {"type": "string"}}, NPZ: {"schema": {"type": "string", "format": "binary"}}},
)
STREAM_HEADERS = {"Vary": "Accept", "Cache-Control": "no-cache", "Accept-Ranges": "none"}


@router.post("/sweeps", status_code=202, responses=SWEEP_ACCEPTED | problems(400, 409, 413, 415, 422, 429, 507))
async def start_sweep(
    registry: JobRegistry,
    body: SweepRequest = SweepRequest(),  # noqa: B008
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a sweep: a GAN for every combination of the grid's values and every seed."""
    config = await run_in_threadpool(to_sweep_config, body)
    return await start_job(
        registry,
        wait,
        config,
        preset=body.base.preset,  # type: ignore[attr-defined]
        name=body.name,
        key=idempotency_key,
        request=fingerprint(body, config) if idempotency_key else "",
    )


@router.get("/sweeps/{job_id}/results", responses=RESULTS)
def get_results(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    limit: Annotated[int, Query(ge=1, le=MAX_CELLS_PER_PAGE, description="how many")] = MAX_CELLS_PER_PAGE,
    after: Annotated[int | None, Query(ge=0, le=MAX_QUERY_INTEGER, description="only cells past this one")] = None,
) -> Response:
    """Return the results of a sweep so far, by cell."""
    config = job.sweep_config
    cells = range(config.cells)[_first_after(after) :][: limit + 1]
    shown = cells[:limit]
    table = registry.sweep_summary(job).table(slice(shown.start, shown.stop))
    if accepts(request, "text/csv"):
        response = csv_response(cell_columns(config, shown, table))
        if len(cells) > limit:
            next_page = request.url.include_query_params(limit=limit, after=shown[-1])
            response.headers["Link"] = f'<{next_page.path}?{next_page.query}>; rel="next"'
        return response
    page = page_content(cell_rows(config, shown, table), cells, limit)
    return json_response({"job_id": job.id, "status": job.status, **page})


@router.get("/sweeps/{job_id}/members", responses=MEMBERS)
def list_members(
    request: Request,
    registry: JobRegistry,
    job: ExistingJob,
    cell: Annotated[int | None, Query(ge=0, le=MAX_QUERY_INTEGER, description="only members of this cell")] = None,
    in_range: Annotated[bool | None, Query(description="only members that ended in range, or out of it")] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=MAX_PAGE_SIZE, description="how many; default: 50 as JSON, else all")
    ] = None,
    after: Annotated[int | None, Query(ge=0, le=MAX_QUERY_INTEGER, description="only members past this index")] = None,
) -> Response:
    """List the finished members of a sweep."""
    config = job.sweep_config
    if cell is not None and cell >= config.cells:
        raise InvalidInputError(f"The cells are 0 to {config.cells - 1}. Send one of these.", "query", "cell")
    first, stop = (0, config.members) if cell is None else (cell * config.seeds, (cell + 1) * config.seeds)
    first = max(first, _first_after(after))
    for media_type, stream in (("text/csv", _members_csv), (NPZ, _members_npz)):
        if accepts(request, media_type):
            finished = registry.sweeps.finished_members(job, first, stop, in_range=in_range, limit=limit)
            return StreamingResponse(stream(config, finished), headers=STREAM_HEADERS, media_type=media_type)
    limit, summary = limit or DEFAULT_PAGE_SIZE, registry.sweep_summary(job)
    found = summary.members(first, stop, in_range=in_range, limit=limit + 1)
    shown = found[:limit]
    members = member_rows(config, shown.tolist(), registry.sweeps.results(job, summary, shown))
    return json_response(page_content(members, found.tolist(), limit))


@router.post(
    "/sweeps/{job_id}/members/{index}/train",
    status_code=202,
    responses=TRAINING_ACCEPTED | problems(404, 409, 413, 415, 422, 429, 507),
)
async def train_member(
    registry: JobRegistry,
    job: ExistingJob,
    index: Annotated[int, Path(ge=0, le=MAX_QUERY_INTEGER, description="a member's index", examples=[42])],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Train one member of a sweep as a job, with its history: its weights are the same bytes."""
    if index >= job.sweep_config.members:
        last = job.sweep_config.members - 1
        raise MemberNotFoundError(f"This sweep has the members 0 to {last}. Train one of these.")
    return await start_job(
        registry,
        wait,
        job.sweep_config.config(index),
        preset=job.preset,
        name=f"{(job.name or 'sweep')[:80]}, member {index}",
        key=idempotency_key,
        request=f"{job.id} {index}",
    )


def _members_csv(config: SweepConfig, members: FinishedMembers) -> Iterator[bytes]:
    return csv_stream(member_csv_columns(config, part) for part in chain([NO_MEMBERS], members.chunks()))


def _members_npz(config: SweepConfig, members: FinishedMembers) -> Iterator[bytes]:
    return npz_stream(len(members), member_columns(config), partial(member_column, config, members))


def _first_after(cursor: int | None) -> int:
    return 0 if cursor is None else cursor + 1
