"""Event streams: shared batches, and the order of events."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from gan1010 import History, TrainConfig
from service.api.event_stream import MAX_BATCH_POINTS, MAX_BATCHES, TICK_SECONDS, JobView, JobViews, new_events
from service.job import Status, new_job
from service.jobs.active_job import ActiveJob

JOB = new_job("1", "article", TrainConfig(iterations=1_000_000, record_every=5, seed=1), None)


def job_view(points: int, status: Status = "running") -> JobView:
    """Create the view of a job with this many points."""
    iterations = np.arange(1, points + 1, dtype=np.int64) * 5
    losses = np.linspace(0, 1, points, dtype=np.float32)
    history = History(
        iteration=iterations, discriminator_real_loss=losses, discriminator_fake_loss=losses, generator_loss=losses
    )
    return JobView(JOB.with_status(status), history, over=status == "succeeded")


def events_of(views: Iterator[JobView]) -> list[list[tuple[str, Any]]]:
    """Return the names and contents of the events at each tick."""

    async def collect() -> list[list[bytes]]:
        return [events async for events in new_events(lambda: next(views), 0)]

    ticks = asyncio.run(collect())
    lines = [[event.decode().split("\n") for event in events] for events in ticks]
    return [[(name[7:], json.loads(data[6:])) for name, data, *_ in events] for events in lines]


def test_subscribers_share_events_and_later_batches() -> None:
    view = job_view(12_000)
    assert view.event("status", 0) is view.event("status", 0)
    first, behind, ahead = view.batch(0), view.batch(0), view.batch(5 * 3000)
    assert first is behind
    assert first is not None
    assert ahead is not None
    assert first[1] == ahead[1] == 5 * MAX_BATCH_POINTS


def test_subscribers_share_a_view_for_a_tick() -> None:
    views, active = JobViews(), ActiveJob(JOB)
    view = views.of(active)
    assert views.of(active) is view
    view.read_at -= TICK_SECONDS
    assert views.of(active) is not view


def test_end_follows_all_points() -> None:
    view = job_view(MAX_BATCH_POINTS + 1, "succeeded")
    names = [[name for name, _ in events] for events in events_of(iter([view] * 3))]
    assert names == [["progress"], ["progress"], ["status", "end"]]


def test_new_points_are_sent_once() -> None:
    views = [job_view(points) for points in (10, 10, 17, 17)]
    events = [event for tick in events_of(iter([*views, *[job_view(40, "succeeded")] * 2])) for event in tick]
    assert [name for name, _ in events] == ["status", "progress", "progress", "progress", "status", "end"]
    iterations = [i for name, data in events if name == "progress" for i in data["series"]["iteration"]]
    assert iterations == list(range(5, 201, 5))


def test_view_keeps_few_batches() -> None:
    view = job_view(5000)
    first = view.batch(0)
    assert view.batch(0) is first
    for after in range(5, 5 * MAX_BATCHES + 5, 5):
        view.batch(after)
    assert view.batch(0) is not first
