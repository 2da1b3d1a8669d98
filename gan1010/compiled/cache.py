"""Compilation cache: machine code on disk, with checksums. What cannot be read or written is compiled in memory.

Numba's own cache raises the errors of the disk, trusts damaged files, reads no folder that it cannot write to, and
notices no change of a function that is compiled as a part of another.
"""

import contextlib
import functools
import inspect
import logging
import os
import pickle  # nosec B403
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

import llvmlite
import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

CHECKSUM_BYTES = 32
log = logging.getLogger(__name__)


class CompilationCache(NullCache):  # type: ignore[misc]
    """The machine code of one function, in a file for each signature and processor.

    The files are in NUMBA_CACHE_DIR if that is set, else in `__pycache__` or in the user's cache folder.

    Raises:
        OSError: the sources cannot be read, so the cache could not notice their changes.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._source = Path(inspect.getfile(function))
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._origin = _hash_sources(self._source)

    @property
    def cache_path(self) -> str:
        """The preferred folder."""
        return str(next(self._folders()))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code for a signature, or None."""
        target_context.refresh()  # registers what the code may refer to
        for file in self._files(sig, target_context.codegen()):
            try:
                content = file.read_bytes()
                checksum, code = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
                if checksum == self._checksum(code):
                    result = CompileResult._rebuild(target_context, *pickle.loads(code))  # noqa: S301  # nosec B301
                    result.library._shared_module = None  # LLVM's copy, only for inlining: megabytes each
                    return result
                log.info("%s is outdated or damaged. Its function is compiled again.", file)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except Exception as error:
                log.warning("%s cannot be used. Its function is compiled again. %s", file, error)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the machine code for a signature in the first folder that takes it."""
        try:
            code = dumps(data._reduce())
            content = self._checksum(code) + code
            failures = []
            for file in self._files(sig, data.codegen):
                try:
                    _write(file, content)
                    return
                except OSError as error:
                    failures.append(f"{file.parent}: {error.strerror}")
            _warn_unsaved(", ".join(failures))
        except Exception as error:
            _warn_unsaved(str(error))

    def _files(self, sig: Any, codegen: Any) -> Iterator[Path]:
        """Yield the places of the machine code for a signature, most preferred first."""
        key = sha256(repr((str(self._source), sys.implementation.cache_tag, sig, codegen.magic_tuple())).encode())
        for folder in self._folders():
            yield folder / f"{self._name}-{key.hexdigest()[:16]}.nbc"

    def _folders(self) -> Iterator[Path]:
        if numba.config.CACHE_DIR:
            yield Path(numba.config.CACHE_DIR)
            return
        yield self._source.parent / "__pycache__"
        with contextlib.suppress(RuntimeError):  # the user has no home
            yield Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gan1010"

    def _checksum(self, code: bytes) -> bytes:
        return sha256(self._origin + code).digest()


@functools.cache
def _hash_sources(source: Path) -> bytes:
    """Hash a file, the files of this package, which are compiled into its functions, and the versions of compilers."""
    digest = sha256(f"{sys.version} {numba.__version__} {llvmlite.__version__}".encode())
    for file in (source, *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.digest()


def _write(file: Path, content: bytes) -> None:
    """Write a whole file or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{token_hex(8)}")  # another process may write the same file
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@functools.cache
def _warn_unsaved(reason: str) -> None:
    """Log, once for all functions, that nothing is cached."""
    log.warning(
        "Compiled code cannot be saved, so each start compiles it for some seconds. "
        "Set NUMBA_CACHE_DIR to a folder with room that can be written. %s",
        reason,
    )
