"""Bodies in fewer bytes: gzip and deflate, both ways, and never more than so many bytes of what is sent to us."""

import gzip
import zlib

from service.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError

EITHER_FORMAT = zlib.MAX_WBITS + 32  # gzip, or zlib's, which is what "deflate" means (RFC 9110, 8.4.1.2)
CODINGS = ("gzip", "deflate")
FASTEST = 1


def decompress(body: bytes, coding: str, limit: int) -> bytes:
    """What a body is by its Content-Encoding.

    Raises:
        UnsupportedMediaTypeError: the coding is another than gzip or deflate.
        BodyTooLargeError: it is more than `limit` bytes; no more than that have been made of it.
        MalformedBodyError: it is not of that coding, or not whole.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in CODINGS:
        raise UnsupportedMediaTypeError("send the body as it is, or with Content-Encoding: gzip or deflate")
    inflating = zlib.decompressobj(EITHER_FORMAT)
    try:
        content = inflating.decompress(body, limit + 1)
    except zlib.error as error:
        raise MalformedBodyError(f"the body is not {coding}, as its Content-Encoding says") from error
    if len(content) > limit:
        raise BodyTooLargeError
    if not inflating.eof or inflating.unused_data:
        raise MalformedBodyError(f"the body is not one whole {coding} stream")
    return content


def compress(content: bytes, coding: str) -> bytes:
    """The content in gzip or in deflate, made as fast as can be; the same content always gives the same bytes."""
    return gzip.compress(content, FASTEST, mtime=0) if coding == "gzip" else zlib.compress(content, FASTEST)


def accepted_coding(accept_encoding: str) -> str | None:
    """Which of gzip and deflate an Accept-Encoding allows, gzip first; None if neither (RFC 9110, 12.5.3)."""
    allowed = {}
    for part in accept_encoding.lower().split(","):
        coding, _, quality = part.partition(";")
        allowed[coding.strip()] = quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((coding for coding in CODINGS if allowed.get(coding, allowed.get("*", False))), None)
