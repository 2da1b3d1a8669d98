"""Logging: one line per event on standard error, as text or JSON, with control characters escaped."""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from service.settings import LogFormat

Fields = Mapping[str, object]
encode_json = json.JSONEncoder(default=str, separators=(",", ":")).encode  # pure ASCII
current_request_id: ContextVar[bytes] = ContextVar("current_request_id")  # of this task or thread


def configure_logs(log_format: LogFormat) -> None:
    """Send everything that this process logs to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter(log_format))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)


def fields(**values: object) -> dict[str, Fields]:
    """Attach fields to a record: `log.info("...", extra=fields(job_id=...))`."""
    return {"fields": values}


def write_lines(
    log_format: LogFormat, logger: logging.Logger, message: str, lines: Iterable[tuple[float, Fields]]
) -> None:
    """Log many events with one message, each with its own time: much cheaper than one `logger.info` per event."""
    if logger.isEnabledFor(logging.INFO):
        written = (_line(log_format, timestamp, "INFO", logger.name, message, values) for timestamp, values in lines)
        sys.stderr.write("\n".join([*written, ""]))


class LogFormatter(logging.Formatter):
    """Formatter of log records. A traceback follows in indented lines, or as the field `trace` in JSON.

    Records logged during a request get its id, unless they have one.
    """

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self._format = log_format

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line, plus the traceback's lines in text."""
        values = dict(getattr(record, "fields", {}))
        if request_id := current_request_id.get(b""):
            values.setdefault("request_id", request_id.decode())
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if trace and self._format == "json":
            values["trace"] = trace
        line = _line(self._format, record.created, record.levelname, record.name, record.getMessage(), values)
        trace_lines = map(_escape, trace.splitlines()) if self._format == "text" else ()
        return "\n    ".join([line, *trace_lines])


def _line(log_format: LogFormat, timestamp: float, level: str, logger: str, message: str, values: Fields) -> str:
    time = datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
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
