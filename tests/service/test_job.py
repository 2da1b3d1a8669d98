"""Jobs: ids that sort, and states with their transitions."""

import re
import time
from datetime import UTC, datetime
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from gan1010 import TrainConfig
from service.job import ENDED, Job, job_ids, new_job

LATER = f"{time.time_ns() + 10**18:016x}ffffffff"  # as from a clock 30 years ahead


def job() -> Job:
    return new_job("0" * 24, "article", TrainConfig(seed=1), None)


@given(last=st.sampled_from([None, "0" * 24, LATER]), count=st.integers(2, 50))
def test_ids_are_unique_and_sort_by_creation_even_if_the_clock_goes_back(last: str | None, count: int) -> None:
    ids = list(islice(job_ids(last), count))
    assert len(set(ids)) == count
    assert [*([last] if last else []), *ids] == sorted([*([last] if last else []), *ids])
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,36}", id) for id in ids)


def test_ids_of_the_same_nanosecond_differ() -> None:
    firsts = {next(job_ids(LATER)) for _ in range(100)}
    assert len(firsts) == 100


@given(path=st.lists(st.sampled_from(["queued", "running", *sorted(ENDED)]), max_size=6))
def test_each_change_of_status_is_a_transition_of_a_new_job(path: list[str]) -> None:
    first = now = job()
    for status in path:
        before, now = now, now.with_status(status, "because")  # type: ignore[arg-type]
        assert now.status == status
        assert now.transitions[:-1] == before.transitions
    assert [transition.status for transition in now.transitions] == ["queued", *path]
    assert first.transitions == first.transitions[:1]
    assert now.has_ended == (now.status in ENDED)
    times = [transition.at for transition in now.transitions]
    assert times == sorted(times)
    assert all(first.created_at <= at <= datetime.now(UTC) for at in times)


def test_requeued_job_has_its_iteration() -> None:
    running = job().with_status("running", iteration=500, iterations_per_second=1e6)
    again = running.with_status("queued", "the service stopped")
    assert (again.started_at, again.iteration, again.iterations_per_second) == (running.started_at, 500, None)
    assert again.with_status("running").started_at == running.started_at
    assert again.transitions[-1].detail == "the service stopped"
