"""Compressed bodies: gzip and deflate, in requests and in responses."""

import gzip
import zlib

from service.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError

GZIP_OR_ZLIB = zlib.MAX_WBITS + 32  # "deflate" means zlib's format (RFC 9110, 8.4.1.2)
CODINGS = ("gzip", "deflate")
FASTEST = 1


def decompress(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Decompress a request body by its Content-Encoding, to at most `max_bytes`.

    Raises:
        UnsupportedMediaTypeError: the coding is neither gzip nor deflate.
        BodyTooLargeError: the content is larger than `max_bytes`; no more than that is decompressed.
        MalformedBodyError: the body is not one complete stream of this coding.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in CODINGS:
        raise UnsupportedMediaTypeError(
            "The Content-Encoding is not supported. Send the body uncompressed, or as gzip or deflate."
        )
    stream = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        content = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise MalformedBodyError(f"The body is not {coding}. Send it as its Content-Encoding says.") from error
    if len(content) > max_bytes:
        raise BodyTooLargeError
    if not stream.eof or stream.unused_data:
        raise MalformedBodyError(f"The body is not one complete {coding} stream.")
    return content


def compress(content: bytes, coding: str) -> bytes:
    """Compress quickly, and to the same bytes each time."""
    return gzip.compress(content, FASTEST, mtime=0) if coding == "gzip" else zlib.compress(content, FASTEST)


def accepted_coding(accept_encoding: str) -> str | None:
    """Return the coding to use for an Accept-Encoding, gzip first; None for neither (RFC 9110, 12.5.3)."""
    allowed = {}
    for part in accept_encoding.lower().split(","):
        coding, _, quality = part.partition(";")
        allowed[coding.strip()] = quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((coding for coding in CODINGS if allowed.get(coding, allowed.get("*", False))), None)
