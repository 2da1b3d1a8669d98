"""Server-sent event stream of a job: parse the events, reconnect where the stream broke off."""

from collections.abc import Iterator
from typing import Any

import httpx

from gan1010.client.endpoints import job_path
from gan1010.client.errors import NoResponseError, problem_error
from gan1010.client.responses import Job, JobProgress
from gan1010.client.retry import MAX_DELAY_SECONDS, OVERLOAD_STATUSES, backoff_seconds, retry_after

EVENT_TYPES: dict[bytes, type[Job] | type[JobProgress]] = {b"progress": JobProgress, b"status": Job, b"end": Job}


class EventStreamReader:
    """A job's event stream across reconnects, without its I/O."""

    def __init__(self, url: str, job_id: str, after: int, retries: int) -> None:
        self.is_done = False
        self.end_is_missing = False  # the job had ended before, so the service sends no events
        self._url, self._job_id, self._last_id, self._retries = url, job_id, after, retries
        self._failures = 0
        self._retry_after: float | None = None
        self._buffer = b""

    def request(self) -> dict[str, Any]:
        """Return the request for the events that have not been read, as arguments of `httpx.Client.stream`."""
        self._buffer, self._retry_after = b"", None
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._last_id)}
        return {"method": "GET", "url": job_path(self._job_id, "events"), "headers": headers}

    def check(self, response: httpx.Response) -> None:
        """Check the status of a response; the body must have been read if the status is not 200.

        Raises:
            ProblemError: The service refuses the stream.
        """
        self.is_done = self.end_is_missing = response.status_code == 204
        self._retry_after = retry_after(response)
        can_retry = response.status_code in OVERLOAD_STATUSES and self._failures < self._retries
        if response.is_error and not can_retry:
            raise problem_error(response, self._retry_after)

    def parse(self, chunk: bytes) -> Iterator[Job | JobProgress]:
        """Yield the events that a chunk of the stream completes."""
        *events, self._buffer = (self._buffer + chunk).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line and line[:1] != b":")
            if event_type := EVENT_TYPES.get(fields.get(b"event", b"")):
                yield event_type.model_validate_json(fields[b"data"])
                self._last_id, self._failures = int(fields[b"id"]), 0
                self.is_done = fields[b"event"] == b"end"

    def reconnect_delay(self, reason: Exception | str) -> float:
        """Return the seconds until the next request.

        Raises:
            NoResponseError: No retry is left since the last event.
        """
        if self._failures >= self._retries:
            raise NoResponseError(self._url, reason)
        self._failures += 1
        return (
            backoff_seconds(self._failures) if self._retry_after is None else min(self._retry_after, MAX_DELAY_SECONDS)
        )
