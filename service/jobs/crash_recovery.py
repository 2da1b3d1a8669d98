"""Crash recovery: requeue the jobs of a process that has died or shuts down."""

from service.job import Job, JobError

MAX_ATTEMPTS = 5  # crashes in a row, without a checkpoint in between, after which a job is still retried
CRASHED = JobError(
    type="crashed",
    detail=f"The process died more than {MAX_ATTEMPTS} times in a row while the job ran, before any checkpoint. "
    "Check the memory limit and the log, then start the job again.",
)
DIED = "The process died. The job resumes from its last checkpoint."
TRAINING_DIED = "The training process died. The job resumes from here."
SHUT_DOWN = "The service was shut down. The job resumes from here."


def after_crash(job: Job, done: int) -> Job:
    """Requeue a job of which the dead process has persisted `done` iterations: one more attempt."""
    return job.with_status("queued", DIED, iteration=done, attempts=job.attempts + 1)


def after_training_crash(job: Job, start: int) -> Job:
    """Requeue a training whose process died: one more attempt, unless it has advanced since iteration `start`."""
    attempts = 0 if job.iteration > start else job.attempts + 1
    return job.with_status("queued", TRAINING_DIED, attempts=attempts)


def after_shutdown(job: Job) -> Job:
    """Requeue a job that the service stops running when it shuts down."""
    return job.with_status("queued", SHUT_DOWN, attempts=0)
