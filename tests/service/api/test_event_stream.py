"""Event streams: shared batches, and the order of events."""

import json
from typing import Any

import numpy as np

from gan1010 import History, TrainConfig
from service.api.event_stream import MAX_BATCH_POINTS, MAX_BATCHES, JobStream, JobView, Subscriber
from service.job import Status, new_job

CONFIG = TrainConfig(iterations=1_000_000, record_every=5, seed=1)


def job_view(points: int, status: Status = "running") -> JobView:
    """Create the view of a job with this many points."""
    iterations = np.arange(1, points + 1, dtype=np.int64) * 5
    losses = np.linspace(0, 1, points, dtype=np.float32)
    history = History(
        iteration=iterations, discriminator_real_loss=losses, discriminator_fake_loss=losses, generator_loss=losses
    )
    job = new_job("1", "article", CONFIG, None).with_status(status)
    return JobView(job=job, history=history, over=status == "succeeded")


def parse(event: bytes) -> tuple[str, Any, int]:
    name, data, id, *_ = (line.partition(": ")[2] for line in event.decode().split("\n"))
    return name, json.loads(data), int(id)


def iterations_of(events: list[bytes]) -> list[int]:
    return [i for name, data, _ in map(parse, events) if name == "progress" for i in data["series"]["iteration"]]


def test_subscribers_at_the_same_iteration_share_events() -> None:
    stream = JobStream(job_view(12_000))
    first, second = Subscriber(stream, 0), Subscriber(stream, 0)
    for _ in range(3):
        assert all(one is other for one, other in zip(first.events(), second.events(), strict=True))


def test_subscribers_from_different_iterations_share_later_batches() -> None:
    stream = JobStream(job_view(12_000))
    ahead, behind = Subscriber(stream, 5 * 3000), Subscriber(stream, 0)
    assert iterations_of(ahead.events()) == list(range(5 * 3001, 5 * MAX_BATCH_POINTS + 1, 5))
    assert iterations_of(behind.events()) == list(range(5, 5 * MAX_BATCH_POINTS + 1, 5))
    assert ahead.events()[0] is behind.events()[0]


def test_end_follows_all_points() -> None:
    subscriber = Subscriber(JobStream(job_view(MAX_BATCH_POINTS + 1, "succeeded")), 0)
    batches = [subscriber.events() for _ in range(3)]
    assert subscriber.done
    assert [[parse(event)[0] for event in events] for events in batches] == [
        ["progress"],
        ["progress"],
        ["status", "end"],
    ]


def test_new_points_are_sent_once() -> None:
    subscriber, received = Subscriber(JobStream(job_view(10)), 0), []
    for points in (10, 10, 17, 17, 40):
        subscriber.stream = JobStream(job_view(points))
        received += subscriber.events()
    assert iterations_of(received) == list(range(5, 201, 5))
    assert [parse(event)[0] for event in received] == ["status", "progress", "progress", "progress"]


def test_stream_keeps_few_batches() -> None:
    stream = JobStream(job_view(5000))
    first = stream.batch(0)
    assert stream.batch(0) is first
    for after in range(5, 5 * MAX_BATCHES + 5, 5):
        stream.batch(after)
    assert stream.batch(0) is not first
