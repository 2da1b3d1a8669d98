"""Standard streams in any encoding, closed, or full."""

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

OUTPUT_ERRNOS = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPIPE}
ASCII = str.maketrans("▁▂▃▄▅▆▇█✓━╸╺…", ".:-=+*#@+---.")


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Let text reach any terminal, and exit with a message if the output cannot be written."""
    _prepare()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in OUTPUT_ERRNOS:
            raise
        _discard_output()
        if error.errno != errno.EPIPE:  # the reader has seen enough
            with contextlib.suppress(OSError):
                print(f"gan1010: The output cannot be written: {error.strerror}.", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _prepare() -> None:
    codecs.register_error("gan1010", _substitute)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # was closed
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="gan1010")
    if not os.environ.get("COLUMNS", "").lstrip("0").isdecimal():  # 0 stands for an unknown width
        os.environ.pop("COLUMNS", None)


def _substitute(error: Any) -> tuple[str, int]:
    """Replace what an encoding lacks: bars by ASCII, other characters by escapes."""
    text = error.object[error.start : error.end].translate(ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _discard_output() -> None:
    """Send what stdout still holds nowhere, so that Python does not fail again when it exits."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
