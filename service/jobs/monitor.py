"""What is told of jobs: a line in the log for each change of status, and figures for Prometheus."""

import logging

from service.job import Job
from service.telemetry.logs import fields
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class JobMonitor:
    """Told by the registry and the runner, from any thread."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._counted: dict[str, int] = {}  # the iteration up to which a running training's have been counted

    def status(self, job: Job) -> None:
        """A job is new, or its status is another."""
        said = job.transitions[-1].detail
        values = fields(job_id=job.id, kind=job.kind, status=job.status, iteration=job.iteration, detail=said)
        log.info("job", extra=values)
        if job.status == "running":
            self._counted[job.id] = job.iteration
        else:
            self.record_progress(job)
            self._counted.pop(job.id, None)
        if job.has_ended:
            self.metrics.record_job_end(job)

    def reset_progress(self, job: Job) -> None:
        """A running training goes on from here: what it does once more counts once more."""
        self._counted[job.id] = job.iteration

    def record_progress(self, job: Job) -> None:
        """A training has come as far as this."""
        counted = self._counted.get(job.id)
        if counted is not None and job.kind == "train":
            self._counted[job.id] = job.iteration
            self.metrics.iterations.inc(job.iteration - counted)

    def record_members(self, members: int, iterations: int) -> None:
        """A shard of a sweep is done."""
        self.metrics.iterations.inc(members * iterations)

    def record_deletion(self, job_id: str) -> None:
        """A job is gone."""
        log.info("job", extra=fields(job_id=job_id, status="deleted"))
