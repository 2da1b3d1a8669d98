"""The log: one line for each thing that happens, for people or for programs, whatever a client has sent."""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import orjson

Form = Literal["text", "json"]
Fields = Mapping[str, object]
current_request_id: ContextVar[bytes] = ContextVar("current_request_id")


def configure_logs(form: Form) -> None:
    """Have everything that this process logs come as lines of this form, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)


def fields(**values: object) -> dict[str, Fields]:
    """What programs read in a line, beside its message: `log.info("...", extra=fields(job_id=...))`."""
    return {"fields": values}


def write_lines(form: Form, logger: logging.Logger, message: str, lines: Iterable[tuple[float, Fields]]) -> None:
    """Log many lines of one kind at once, each with its moment: `logging` takes half as long for each as a request."""
    if logger.isEnabledFor(logging.INFO):
        written = (_line(form, moment, "INFO", logger.name, message, values) for moment, values in lines)
        sys.stderr.write("\n".join([*written, ""]))


class Lines(logging.Formatter):
    """Records as lines of one form; a failure's trace comes in lines below, or as a field.

    What is written while a request is answered has its id, unless it has one already.
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        values = dict(getattr(record, "fields", {}))
        if request_id := current_request_id.get(b""):
            values.setdefault("request_id", request_id.decode())
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if trace and self._form == "json":
            values["trace"] = trace
        line = _line(self._form, record.created, record.levelname, record.name, record.getMessage(), values)
        below = map(_printable, trace.splitlines()) if self._form == "text" else ()
        return "\n    ".join([line, *below])


def _line(form: Form, moment: float, level: str, logger: str, message: str, values: Fields) -> str:
    time = f"{_second(int(moment))}.{int(moment % 1 * 1000):03d}Z"
    if form == "json":
        return _json({"time": time, "level": level.lower(), "logger": logger, "message": message, **values})
    told = "".join([f"  {name}={value}" for name, value in values.items() if value is not None])
    return _printable(f"{time} {level:<7} {message}{told}")


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}"


def _json(content: dict[str, Any]) -> str:
    try:
        line = orjson.dumps(content, default=str).decode()
    except orjson.JSONEncodeError:  # a lone surrogate
        line = ""
    return line if line and line.isprintable() else json.dumps(content, default=str)  # in ASCII, the rest escaped


def _printable(text: str) -> str:
    """The text, in which nothing begins a new line or moves the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
