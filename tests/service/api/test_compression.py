"""Compressed bodies, and their limit of memory."""

import gzip
import tracemalloc
import zlib

import pytest

from service.api.compression import accepted_coding, compress, decompress
from service.errors import BodyTooLargeError

LIMIT = 100_000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_round_trip(coding: str) -> None:
    for content in (b"", b"x", b"\0" * LIMIT):
        assert decompress(compress(content, coding), coding, LIMIT) == content
    assert compress(b"same", coding) == compress(b"same", coding)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_decompression_bomb_is_stopped_at_the_limit(compress: object) -> None:
    bomb = compress(bytes(200 * LIMIT))  # type: ignore[operator]
    tracemalloc.start()
    with pytest.raises(BodyTooLargeError):
        decompress(bomb, "gzip" if compress is gzip.compress else "deflate", LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMIT


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("gzip", "gzip"), ("deflate", "deflate"), ("deflate, gzip", "gzip"), ("*", "gzip"), ("br, *;q=0.1", "gzip"),
        ("gzip;q=0, deflate;q=0.5", "deflate"), ("gzip; q=0, *", "deflate"), ("identity", None), ("", None),
        ("*;q=0", None), ("br", None), ("GZIP", "gzip"), (";;,,=", None),
    ],
)  # fmt: skip
def test_accepted_coding(accept_encoding: str, coding: str | None) -> None:
    assert accepted_coding(accept_encoding) == coding
