"""Logging: one line per event on standard error, as text or JSON, with control characters escaped."""

import json
import logging
import os
import select
import sys
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

from prometheus_client import Counter

from service.settings import LogFormat, LogLevel

MAX_WAITING_BYTES = 2**20  # of log lines that standard error has not taken yet
MAX_WRITE_BYTES = 4096  # an empty page of a pipe, so that a write does not block while the reader makes progress
FLUSH_SECONDS = 1.0  # without progress, before the last lines are given up
DROPPED_LINES = Counter("gan1010_dropped_log_lines", "Log lines that standard error did not take", registry=None)
Fields = Mapping[str, object]
Event = tuple[float, int, Fields]  # its time, level and fields
encode_json = json.JSONEncoder(default=str, separators=(",", ":")).encode  # pure ASCII
current_request_id: ContextVar[bytes] = ContextVar("current_request_id")  # of this task or thread


def configure_logs(log_format: LogFormat) -> None:
    """Send everything that this process logs to standard error."""
    handler = LogHandler(sys.stderr.fileno())
    handler.setFormatter(LogFormatter(log_format))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)


def set_log_level(level: LogLevel) -> None:
    """Log what is at least as severe; libraries never log more than they do at `info`."""
    logging.getLogger().setLevel(logging.INFO if level == "debug" else level.upper())
    if level == "debug":
        logging.getLogger("service").setLevel(logging.DEBUG)


def fields(**values: object) -> dict[str, Fields]:
    """Attach fields to a record: `log.info("...", extra=fields(job_id=...))`."""
    return {"fields": values}


def log_events(logger: logging.Logger, message: str, events: Sequence[Event]) -> None:
    """Log many events with one message, each with its own time: much cheaper than one `logger.info` per event."""
    record = logging.LogRecord(logger.name, logging.INFO, "", 0, message, (), None)
    record.events = events
    logger.handle(record)


class LogHandler(logging.Handler):
    """Write log lines in a thread, so that standard error cannot stop the service.

    Lines that cannot be written, or that find too many others waiting, are dropped. Their number is logged in their
    place.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._dropped = self._writes = 0
        self._is_cut = False  # a write has failed inside a line
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record's lines."""
        try:
            lines = self._encode(record)
        except Exception:
            self.handleError(record)
            return
        with self._changed:
            if self._waiting_bytes + len(lines) > MAX_WAITING_BYTES:
                count = lines.count(b"\n")
                self._dropped += count
                DROPPED_LINES.inc(count)
            else:
                self._waiting.append(lines)
                self._waiting_bytes += len(lines)
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, or until none has been for a second."""
        with self._changed:
            before = -1
            while self._waiting_bytes and self._writes != before:
                before = self._writes
                self._changed.wait_for(lambda: not self._waiting_bytes, FLUSH_SECONDS)

    def _run(self) -> None:
        unreported = 0  # lines that are missing from the log, with no notice of it
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                lines, self._waiting = b"".join(self._waiting), []
                dropped, self._dropped = self._dropped, 0  # after these lines
            if self._report(unreported):
                unreported = 0
            lost = self._write(lines)
            DROPPED_LINES.inc(lost)
            unreported += lost + dropped
            if not lost and self._report(unreported):
                unreported = 0
            with self._changed:
                self._waiting_bytes -= len(lines)
                self._changed.notify_all()

    def _report(self, count: int) -> bool:
        """Write a notice of lines that are missing; return False if that fails, too."""
        if not count:
            return True
        message = "%d log lines were dropped, because standard error did not take them"
        notice = self._encode(logging.LogRecord(__name__, logging.WARNING, "", 0, message, (count,), None))
        return not self._write(b"\n" * self._is_cut + notice)

    def _write(self, lines: bytes) -> int:
        """Write lines part by part; drop the rest if that fails, and return the number of lines in it."""
        while lines:
            try:
                size = os.write(self._descriptor, lines[:MAX_WRITE_BYTES])
            except BlockingIOError:  # another process has made it non-blocking
                select.select((), (self._descriptor,), ())
            except OSError:
                return lines.count(b"\n")
            else:
                self._writes += 1
                self._is_cut = lines[size - 1] != ord("\n")
                lines = lines[size:]
        return 0

    def _encode(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(errors="backslashreplace")


class LogFormatter(logging.Formatter):
    """Formatter of log records. A traceback follows in indented lines, or as the field `trace` in JSON.

    Records logged during a request get its id, unless they have one.
    """

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self._format = log_format

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line, or as one for each of its events, plus the traceback's lines in text."""
        message = record.getMessage()
        if events := getattr(record, "events", None):
            return "\n".join(
                [
                    _line(self._format, time, logging.getLevelName(level), record.name, message, values)
                    for time, level, values in events
                ]
            )
        values = dict(getattr(record, "fields", {}))
        if request_id := current_request_id.get(b""):
            values.setdefault("request_id", request_id.decode())
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if trace and self._format == "json":
            values["trace"] = trace
        line = _line(self._format, record.created, record.levelname, record.name, message, values)
        trace_lines = map(_escape, trace.splitlines()) if self._format == "text" else ()
        return "\n    ".join([line, *trace_lines])


@lru_cache(maxsize=2)
def _second(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat().removesuffix("+00:00")


def _line(log_format: LogFormat, timestamp: float, level: str, logger: str, message: str, values: Fields) -> str:
    time = f"{_second(int(timestamp))}.{int(timestamp % 1 * 1000):03}Z"
    if log_format == "json":
        content = {"time": time, "level": level.lower(), "logger": logger, "message": message, **values}
        return encode_json(content)
    shown = "".join([f"  {name}={value}" for name, value in values.items() if value is not None])
    return _escape(f"{time} {level:<7} {message}{shown}")


def _escape(text: str) -> str:
    """Escape unprintable characters, so that no text starts a new line or moves the terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
