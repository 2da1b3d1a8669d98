"""Checksums: the SHA-256 beside each job and each blob of arrays, so that damaged data is never used."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from gan1010.types import Array
from service.errors import CorruptDataError

Arrays = dict[str, Array]


def pack_arrays(arrays: Mapping[str, Array], *keys: int) -> tuple[bytes, str]:
    """Return the arrays as a blob, and its checksum; `keys` are the numbers in the key of the blob's row."""
    blob = safetensors.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return blob, checksum(blob, *keys)


def unpack_arrays(blob: bytes, digest: str, *keys: int) -> Arrays:
    """Verify a blob and return its arrays, which may be unaligned."""
    return safetensors.load(verify(blob, digest, *keys))


def verify(blob: bytes, digest: str, *keys: int) -> bytes:
    """Return the blob.

    Raises:
        ValueError: the checksum does not match.
    """
    if checksum(blob, *keys) != digest:
        raise ValueError("its checksum does not match")
    return blob


@contextlib.contextmanager
def decoding(name: str, remedy: str = "Train the job again.") -> Iterator[None]:
    """Raise any error of the block as a `CorruptDataError`; `name` begins its message."""
    try:
        yield
    except (ValueError, TypeError, KeyError, SafetensorError) as error:
        raise CorruptDataError(f"{name} is damaged ({error}). {remedy}") from error


def checksum(blob: bytes, *keys: int) -> str:
    """Return the SHA-256 of a blob and of the numbers in the key of its row."""
    digest = hashlib.sha256(blob)
    for key in keys:
        digest.update(b" %d" % key)
    return digest.hexdigest()
