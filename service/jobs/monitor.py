"""Job monitoring: log status changes and update the metrics."""

import logging

from service.job import Job
from service.telemetry.logs import fields
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class JobMonitor:
    """Log and metrics of all jobs. Any thread may call it."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._counted: dict[str, int] = {}  # of each running training, the iteration up to which it is counted

    def record_status(self, job: Job) -> None:
        """Record a new job or a job's new status."""
        progress = {"iteration": job.iteration, "detail": job.transitions[-1].detail}
        log.info("job", extra=fields(job_id=job.id, kind=job.kind, status=job.status, **progress))
        if job.status == "running":
            self._counted[job.id] = job.iteration
        else:
            self.record_progress(job)
            self._counted.pop(job.id, None)
        if job.has_ended:
            self.metrics.record_job_end(job)

    def reset_progress(self, job: Job) -> None:
        """Reset the counter of a resumed training; iterations retrained after a checkpoint count again."""
        self._counted[job.id] = job.iteration

    def record_progress(self, job: Job) -> None:
        """Count the iterations of a training since the last record."""
        counted = self._counted.get(job.id)
        if counted is not None and job.kind == "train":
            self._counted[job.id] = job.iteration
            self.metrics.iterations.inc(job.iteration - counted)

    def record_members(self, members: int, iterations: int) -> None:
        """Count the iterations of a finished shard."""
        self.metrics.iterations.inc(members * iterations)

    def record_deletion(self, job_id: str) -> None:
        """Log the deletion of a job."""
        log.info("job", extra=fields(job_id=job_id, status="deleted"))
