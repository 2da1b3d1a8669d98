"""Jobs that another process has left: which go on, and which are what ends each process that runs them."""

import dataclasses

from service.jobs import Job, JobError

MOST_CRASHES = 3  # then a job that takes the process down has had its chances
POISON = JobError(type="poison", detail=f"the process came to a sudden end {MOST_CRASHES} times at this job")


def recovered(job: Job, iteration: int) -> Job:
    """A job that came as far as `iteration` when the process came to a sudden end: it waits, to go on from there."""
    detail = "the process came to a sudden end; it goes on from what was kept"
    return job.moved("queued", detail, iteration=iteration, crashes=job.crashes + 1)


def is_poison(job: Job) -> bool:
    """Whether the process has come to a sudden end so often while the job ran and got nowhere."""
    return job.crashes >= MOST_CRASHES


def without_suspicion(job: Job) -> Job:
    """The job, which has got somewhere."""
    return dataclasses.replace(job, crashes=0, suspect=None) if job.crashes else job


def on_trial(job: Job, shard: int) -> Job:
    """A sweep under suspicion of which a shard is tried: what happened at another is not to this one's blame."""
    return job if job.suspect == shard else dataclasses.replace(job, crashes=1, suspect=shard)


def acquitted(job: Job) -> Job:
    """The sweep, still under suspicion, after the shard that was tried has got somewhere."""
    return dataclasses.replace(job, crashes=1, suspect=None)
