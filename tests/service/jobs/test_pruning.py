"""Pruning: ended jobs that the retention does not keep are deleted, and no others."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.jobs.pruning import Pruner
from service.jobs.registry import Registry
from service.retention import parse_retention
from service.storage.store import Store
from tests.service.jobs.test_deletion import NOW, add_ended, ids
from tests.service.storage.test_store import finish, new
from tests.support.contract import wait_until


@contextmanager
def running_pruner(store: Store, retention: str) -> Iterator[Registry]:
    registry = Registry(store, 100)
    pruner = Pruner(registry, parse_retention(retention))
    pruner.start()
    yield registry
    pruner.stop()


@pytest.mark.parametrize(
    ("retention", "kept"),
    [
        ("30 days", [2, 4, 5, 6, 7]),
        ("2 jobs", [4, 5, 6, 7]),
        ("30 days, 1 job", [4, 5, 7]),
        ("9 jobs", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_retention_keeps_new_jobs_unfinished_ones_and_the_models_in_use(
    tmp_path: Path, retention: str, kept: list[int]
) -> None:
    with closing(Store(tmp_path)) as store:
        add_ended(store, 1, days_ago=31)
        add_ended(store, 2, days_ago=29)
        add_ended(store, 3, days_ago=99, status="failed")
        store.add(new(4).with_status("paused"), None, "")
        job, progress = finish(store, new(5))  # the training that succeeded last
        old = replace(job, finished_at=NOW - timedelta(days=99))
        with store._updating(old):
            pass
        add_ended(store, 6, days_ago=1)
        add_ended(store, 7)
        with running_pruner(store, retention):
            wait_until(lambda: ids(store), lambda found: found == [new(number).id for number in kept])
        assert store.model_file(job.id)
        assert progress.result
