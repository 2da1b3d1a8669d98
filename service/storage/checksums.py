"""What lies in the database beside its SHA-256, so that what is damaged is never used: jobs, and arrays as blobs."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from gan1010.types import Array
from service.errors import CorruptDataError

Arrays = dict[str, Array]


def pack_arrays(arrays: Mapping[str, Array], *place: int) -> tuple[bytes, str]:
    """The blob of some arrays, and its SHA-256 together with the numbers that its row has it under."""
    blob = safetensors.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return blob, checksum(blob, *place)


def unpack_arrays(blob: bytes, digest: str, *place: int) -> Arrays:
    """The arrays of a blob, which may not be aligned.

    Raises:
        ValueError: it has another SHA-256.
    """
    return safetensors.load(verify(blob, digest, *place))


def verify(blob: bytes, digest: str, *place: int) -> bytes:
    """The blob.

    Raises:
        ValueError: it has another SHA-256.
    """
    if checksum(blob, *place) != digest:
        raise ValueError("its SHA-256 is another")
    return blob


@contextlib.contextmanager
def decoding(what: str, remedy: str = "train the job again") -> Iterator[None]:
    """Have blobs read, and made into what they were, inside.

    Raises:
        CorruptDataError: they are not what was written.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, SafetensorError) as error:
        raise CorruptDataError(f"{what} is not what was written ({error}); {remedy}") from error


def checksum(blob: bytes, *place: int) -> str:
    """The SHA-256 of some bytes, as the database has it; what lies under numbers has them behind it."""
    digest = hashlib.sha256(blob)
    for number in place:
        digest.update(b" %d" % number)
    return digest.hexdigest()
