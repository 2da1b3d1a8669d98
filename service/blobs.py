"""What lies in the database beside its SHA-256, so that what is damaged is never used: jobs, and arrays as blobs."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from service.errors import ModelDamaged

Arrays = dict[str, npt.NDArray[Any]]


def packed(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[bytes, str]:
    """The blob of some arrays, and its SHA-256."""
    blob = safetensors.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return blob, sha256(blob)


def unpacked(blob: bytes, digest: str) -> Arrays:
    """The arrays of a blob, which may not be aligned.

    Raises:
        ValueError: it has another SHA-256.
    """
    return safetensors.load(checked(blob, digest))


def checked(blob: bytes, digest: str) -> bytes:
    """The blob.

    Raises:
        ValueError: it has another SHA-256.
    """
    if sha256(blob) != digest:
        raise ValueError("its SHA-256 is another")
    return blob


@contextlib.contextmanager
def readable(what: str, remedy: str = "train the job again") -> Iterator[None]:
    """Have blobs read, and made into what they were, inside.

    Raises:
        ModelDamaged: they are not what was written.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ModelDamaged(f"{what} is not what was written ({error}); {remedy}") from error


def sha256(blob: bytes) -> str:
    """The SHA-256 of some bytes, as the database has it."""
    return hashlib.sha256(blob).hexdigest()
