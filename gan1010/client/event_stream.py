"""A job as it learns: the service's events, read piece by piece, and taken up again where a connection broke off."""

import time
from collections.abc import Iterator
from typing import Any

import httpx

from gan1010.client.endpoints import MAX_WAIT_SECONDS, job_path
from gan1010.client.errors import NoResponseError, problem_of
from gan1010.client.responses import Job, JobProgress
from gan1010.client.retry import OVERLOAD_STATUSES, Patience, retry_after

EVENT_TYPES: dict[bytes, type[Job] | type[JobProgress]] = {b"progress": JobProgress, b"status": Job, b"end": Job}


class EventStreamReader:
    """Who reads a job's events: what to ask for, and what the pieces of the answer mean."""

    def __init__(self, job_id: str, after: int, patience: Patience, url: str) -> None:
        self.over = False
        self.missed_end = False  # the job has ended, and no event has told so
        self._job_id, self._after = job_id, after
        self._patience, self._failures, self._url = patience, 0, url
        self._said_to_wait: float | None = None
        self._rest = b""

    def request(self) -> dict[str, Any]:
        """The request for all that has not been read."""
        self._rest, self._said_to_wait = b"", None
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._after)}
        return {"method": "GET", "url": job_path(self._job_id, "events"), "headers": headers}

    def meet(self, answer: httpx.Response) -> None:
        """Look at the head of an answer; its content, if it is no stream, has been read.

        Raises:
            ProblemError: there will be no events.
        """
        self.over = self.missed_end = answer.status_code == 204
        self._said_to_wait = retry_after(answer)
        if answer.is_error and (
            answer.status_code not in OVERLOAD_STATUSES or self._failures >= self._patience.retries
        ):
            raise problem_of(answer, self._said_to_wait)

    def read(self, piece: bytes) -> Iterator[Job | JobProgress]:
        """The events that a piece of the stream completes."""
        *whole, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in whole:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line and line[:1] != b":")
            if kind := EVENT_TYPES.get(fields.get(b"event", b"")):
                yield kind.model_validate_json(fields[b"data"])
                self._after, self._failures = int(fields[b"id"]), 0
                self.over = fields[b"event"] == b"end"

    def pause(self, reason: str) -> float:
        """The seconds to wait before the stream is taken up again.

        Raises:
            NoResponseError: it has broken off too often without anything new.
        """
        if self._failures >= self._patience.retries:
            raise NoResponseError(self._url, reason)
        self._failures += 1
        pause = self._patience.pause(self._failures - 1)
        return pause if self._said_to_wait is None else min(self._said_to_wait, self._patience.longest_seconds)


class LongPoll:
    """How long to ask the service to wait for a job's end, look by look."""

    def __init__(self, every: float, timeout: float | None) -> None:
        self._every = min(every, MAX_WAIT_SECONDS)
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def seconds(self, job: Job | None) -> float:
        """How long the next look may take: none the first time.

        Raises:
            TimeoutError: the time is over, and the job, as it was seen last, has not ended.
        """
        if job is None:
            return 0
        if self._deadline is None:
            return self._every
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the job {job.id} is {job.status}, at {job.iteration:,} of {job.iterations:,}")
        return min(self._every, left)
