"""Server-sent event stream of a job, which resumes where it broke off."""

from collections.abc import Iterator
from typing import Any

from gan1010.client.calls import url_path
from gan1010.client.responses import Job, JobProgress
from gan1010.client.retry import Retries

EVENT_TYPES: dict[bytes, type[Job] | type[JobProgress]] = {b"progress": JobProgress, b"status": Job, b"end": Job}


class EventStream:
    """A job's event stream across reconnects, without its I/O."""

    def __init__(self, job_id: str, after: int, retries: Retries) -> None:
        self.has_ended = False
        self._path, self._last_id, self._retries = url_path("jobs", job_id, "events"), after, retries
        self._buffer = b""

    def request(self) -> dict[str, Any]:
        """Return the request for the events that have not been read, as arguments of `httpx.Client.stream`."""
        self._buffer = b""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._last_id)}
        return {"method": "GET", "url": self._path, "headers": headers}

    def parse(self, chunk: bytes) -> Iterator[Job | JobProgress]:
        """Yield the events that a chunk of the stream completes."""
        *events, self._buffer = (self._buffer + chunk).split(b"\n\n")
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.splitlines() if b": " in line)
            if event_type := EVENT_TYPES.get(fields.get(b"event", b"")):
                yield event_type.model_validate_json(fields[b"data"])
                self._last_id, self._retries.failures = int(fields[b"id"]), 0
                self.has_ended = fields[b"event"] == b"end"
