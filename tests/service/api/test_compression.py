"""Compressed bodies: whatever they would become, no more than the limit is ever made of them."""

import gzip
import tracemalloc
import zlib

import pytest

from service.api.compression import accepted_coding, compress, decompress
from service.errors import BodyTooLargeError

LIMIT = 100_000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_there_and_back(coding: str) -> None:
    for content in (b"", b"x", b"\0" * LIMIT):
        assert decompress(compress(content, coding), coding, LIMIT) == content
    assert compress(b"same", coding) == compress(b"same", coding)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_bomb_takes_no_more_memory_than_the_limit(compress: object) -> None:
    bomb = compress(bytes(200 * LIMIT))  # type: ignore[operator]
    tracemalloc.start()
    with pytest.raises(BodyTooLargeError):
        decompress(bomb, "gzip" if compress is gzip.compress else "deflate", LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMIT


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip", "gzip"), ("deflate", "deflate"), ("deflate, gzip", "gzip"), ("*", "gzip"), ("br, *;q=0.1", "gzip"),
        ("gzip;q=0, deflate;q=0.5", "deflate"), ("gzip; q=0, *", "deflate"), ("identity", None), ("", None),
        ("*;q=0", None), ("br", None), ("GZIP", "gzip"), (";;,,=", None),
    ],
)  # fmt: skip
def test_what_the_client_takes(accepts: str, coding: str | None) -> None:
    assert accepted_coding(accepts) == coding
