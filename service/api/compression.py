"""Compressed bodies: gzip and deflate, in requests and in responses."""

import gzip
import zlib

from fastapi import Request, Response

from service.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError

GZIP_OR_ZLIB = zlib.MAX_WBITS + 32  # "deflate" means zlib's format (RFC 9110, 8.4.1.2)
CODINGS = ("gzip", "deflate")
LEVEL = 4  # of 9: a little slower than 1, and nearly as small as 9
MIN_COMPRESSED_BYTES = 2048  # shorter bodies are not worth compressing
TEXT_TYPES = ("application/json", "image/svg+xml", "text/")


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


def compress(content: bytes | memoryview, coding: str) -> bytes:
    """Compress to the same bytes each time."""
    return gzip.compress(content, LEVEL, mtime=0) if coding == "gzip" else zlib.compress(content, LEVEL)


def coding_of(request: Request, response: Response) -> str | None:
    """Return the coding to compress a long text with, or None; long texts also get the Vary header."""
    headers = response.headers
    if len(response.body) < MIN_COMPRESSED_BYTES or "content-encoding" in headers:
        return None
    if not headers["content-type"].startswith(TEXT_TYPES):
        return None
    headers.add_vary_header("Accept-Encoding")
    return accepted_coding(request.headers.get("accept-encoding", ""))


def compress_response(response: Response, coding: str | None) -> None:
    """Replace the body by the compressed one, if there is a coding for it."""
    if coding:
        response.body = compress(response.body, coding)
        response.headers.update({"Content-Encoding": coding, "Content-Length": str(len(response.body))})


def accepted_coding(accept_encoding: str) -> str | None:
    """Return the coding to use for an Accept-Encoding, gzip first; None for neither (RFC 9110, 12.5.3)."""
    allowed = {}
    for part in accept_encoding.lower().split(","):
        coding, _, quality = part.partition(";")
        allowed[coding.strip()] = quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((coding for coding in CODINGS if allowed.get(coding, allowed.get("*", False))), None)
