"""Pruning: a thread that deletes ended jobs as the retention says."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from service.errors import ENVIRONMENT_ERRORS
from service.job import Selection
from service.jobs.registry import Registry
from service.retention import Retention

PRUNE_SECONDS = 60.0  # from the end of one look to the next
log = logging.getLogger(__name__)


class Pruner:
    """The thread. It never deletes the trainings that `/sample` and `/score` use by default."""

    def __init__(self, registry: Registry, retention: Retention | None) -> None:
        self._registry, self._retention = registry, retention
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruning", daemon=True)

    def start(self) -> None:
        """Start the thread, if there is a retention."""
        if self._retention is not None:
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread after its next step."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                for _ in self._registry.deletion.delete_ended(self._expired()):
                    if self._stopped.is_set():
                        return
            except ENVIRONMENT_ERRORS as error:
                log.warning("The retention is applied later: %s", error)
            self._stopped.wait(PRUNE_SECONDS)

    def _expired(self) -> list[str]:
        """Return the jobs to delete, oldest first."""
        in_use = self._registry.models.newest()
        expired = {id for selection in self._selections() for id in self._registry.deletion.ended_jobs(selection)}
        return sorted(expired - in_use)

    def _selections(self) -> Iterator[Selection]:
        if self._retention and self._retention.age is not None:
            yield Selection(before=datetime.now(UTC) - self._retention.age)
        if self._retention and self._retention.jobs is not None:
            yield Selection(keep=self._retention.jobs)
