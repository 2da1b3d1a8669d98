"""Rows of the jobs table: a document with its checksum, and the values that queries use."""

from typing import Any

from pydantic import TypeAdapter

from service.job import Job
from service.storage.checksums import checksum, decoding, verify

JOB_COLUMNS = ("id", "kind", "status", "has_generator", "document", "sha256")
SELECTED = ", ".join(f"jobs.{column}" for column in JOB_COLUMNS)
SELECT_JOBS = f"SELECT {SELECTED} FROM jobs"  # noqa: S608  # nosec B608
INSERT_JOB = f"INSERT INTO jobs ({', '.join(JOB_COLUMNS)}) VALUES ({', '.join('?' for _ in JOB_COLUMNS)})"  # noqa: S608  # nosec B608
UPDATE_JOB = f"UPDATE jobs SET {', '.join(f'{column} = ?' for column in JOB_COLUMNS[1:])} WHERE id = ?"  # noqa: S608  # nosec B608
JOB_ADAPTER = TypeAdapter(Job)
NOT_STORED = {"config": {"seed_list"}}  # requests have only ranges of seeds


def job_row(job: Job) -> tuple[Any, ...]:
    """Return the row of a job, in the order of `JOB_COLUMNS`."""
    document = JOB_ADAPTER.dump_json(job, exclude=NOT_STORED)
    return *_indexed_values(job), document, checksum(document)


def _indexed_values(job: Job) -> tuple[Any, ...]:
    """Return the values that queries use, which the document has, too."""
    has_generator = job.kind == "train" and job.train_config.experiment == "gan"
    return job.id, job.kind, job.status, has_generator


def parse_job(*row: Any) -> Job:
    """Return the job of a row; raise `CorruptDataError` if it is damaged."""
    *indexed, document, digest = row
    with decoding(f"The job {indexed[0]}", "Delete it and start another."):
        job = JOB_ADAPTER.validate_json(verify(document, digest))
        if _indexed_values(job) != tuple(indexed):
            raise ValueError("its columns do not match its document")
        return job
