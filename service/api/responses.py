"""Responses that FastAPI does not have: fast JSON, binary float32, CSV, and 304 for unchanged content."""

import hashlib
import io
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import Request, Response

PLOT_HEADERS = {  # an SVG opened by itself contains styles, and a heat map as an image
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
}
Columns = Mapping[str, npt.NDArray[Any]]
Responses = dict[int | str, dict[str, Any]]
BINARY = "application/octet-stream"
NPZ = "application/x-npz"
ROWS_PER_PIECE, BYTES_PER_PIECE = 1024, 2**18  # of streamed CSV, and of streamed arrays
BYTES_PER_READ = 4_000_000  # of an array
BYTES: dict[str, Any] = {BINARY: {"schema": {"type": "string", "format": "binary"}}}
NOT_MODIFIED: Responses = {304: {"description": "The content still has the ETag of If-None-Match"}}


def ok(**description: Any) -> Responses:
    """Describe a 200 for a route's `responses`."""
    return {200: description}


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build JSON, NumPy arrays included; each float32 has the fewest digits that round-trip."""
    body = orjson.dumps(content, default=np.ascontiguousarray, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, "application/json")


def binary_response(values: npt.NDArray[np.float32], job_id: str, iteration: int) -> Response:
    """Build little-endian float32 in row-major order; headers name the job and the iteration."""
    headers = {"Job-Id": job_id, "Iteration": str(iteration)}
    return Response(values.astype("<f4", copy=False).tobytes(), headers=headers, media_type=BINARY)


def csv_response(columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]) -> Response:
    """Build CSV from arrays and lists of plain words: numbers and text of digits as in JSON.

    None, NaN, and what is masked in an array become empty fields.
    """
    rows = zip(*(_csv_column(values) for values in columns.values()), strict=True)
    lines = [",".join(columns).encode(), *(b",".join(row) for row in rows), b""]
    return Response(b"\r\n".join(lines), media_type="text/csv")


def csv_stream(columns: Iterable[Columns]) -> Iterator[bytes]:
    """Yield CSV piece by piece; the first columns may be empty, and name the others."""
    for part, arrays in enumerate(columns):
        for start in range(0, max(len(next(iter(arrays.values()))), 1), ROWS_PER_PIECE):
            piece = csv_response({name: values[start : start + ROWS_PER_PIECE] for name, values in arrays.items()}).body
            yield bytes(piece) if part == start == 0 else bytes(piece).partition(b"\r\n")[2]


def npz_stream(rows: int, like: Columns, read: Callable[[str, int, int], npt.NDArray[Any]]) -> Iterator[bytes]:
    """Yield an `.npz` file piece by piece.

    Args:
        rows: length of all arrays.
        like: arrays of the same names, types and shapes, but of any length.
        read: returns the rows `start` to `stop` of an array, given its name, `start` and `stop`.
    """
    file = _Pieces()
    with zipfile.ZipFile(file, "w") as archive:
        for name, sample in like.items():
            step = BYTES_PER_READ // (sample.itemsize * math.prod(sample.shape[1:]))
            with archive.open(f"{name}.npy", "w", force_zip64=True) as array:
                header = {"descr": sample.dtype.str, "fortran_order": False, "shape": (rows, *sample.shape[1:])}
                np.lib.format.write_array_header_1_0(array, header)
                for start in range(0, rows, step):
                    content = np.ascontiguousarray(read(name, start, start + step), sample.dtype).view(np.uint8).ravel()
                    for place in range(0, len(content), BYTES_PER_PIECE):
                        array.write(content[place : place + BYTES_PER_PIECE].tobytes())
                        yield file.take()
    yield file.take()


class _Pieces(io.RawIOBase):
    """A file that only keeps what was written since it was last read."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, content: Any) -> int:
        self._written.append(bytes(content))
        return len(content)

    def take(self) -> bytes:
        written, self._written = b"".join(self._written), []
        return written


def _csv_column(values: Sequence[Any] | npt.NDArray[Any]) -> list[bytes]:
    if not isinstance(values, np.ndarray) or values.dtype.kind == "U":
        return [_csv_field(value) for value in values]
    numbers = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    fields = [b"" if field == b"null" else field for field in numbers.split(b",")] if numbers else []
    for row in np.flatnonzero(np.ma.getmaskarray(values)):
        fields[row] = b""
    return fields


def _csv_field(value: Any) -> bytes:
    if isinstance(value, str) and value.isdecimal():
        return f'"""{value}"""'.encode()  # programs that guess types would read 0110 as 110
    return b"" if value is None else str(value).encode()


def header(request: Request, name: bytes) -> str | None:
    """Return the first header with this name, which is in lower case: `Request.headers` takes longer."""
    for key, value in request.scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def accepts(request: Request, media_type: str) -> bool:
    """Return True if the client ranks this media type at least as high as JSON (RFC 9110, 12.5.1)."""
    accept = (header(request, b"accept") or "").lower()
    if media_type not in accept:
        return False
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        name, _, parameters = part.partition(";")
        quality = parameters.replace(" ", "").partition("q=")[2]
        qualities[name.strip()] = float(quality) if quality.replace(".", "", 1).isdecimal() else 1.0
    json = next((qualities[name] for name in ("application/json", "application/*", "*/*") if name in qualities), 0.0)
    return qualities.get(media_type, 0.0) > 0 and qualities[media_type] >= json


def content_digest(response: Response) -> str:
    """Return the digest in a response's ETag."""
    return hashlib.blake2b(response.body, digest_size=16).hexdigest()


def matches(if_match: str, response: Response) -> bool:
    """Return True if If-Match names this content, in whatever coding it was sent (RFC 9110, 13.1.1)."""
    tags = {tag.strip().removesuffix('"').removeprefix('"').partition("-")[0] for tag in if_match.split(",")}
    return "*" in tags or content_digest(response) in tags


def conditional_response(request: Request, response: Response, coding: str | None) -> Response:
    """Add an ETag, or return 304 if the client already has this content in this coding (RFC 9110, 13.1.2)."""
    digest = content_digest(response)
    etag = f'"{digest}-{coding}"' if coding else f'"{digest}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    headers = {"ETag": etag, "Vary": "Accept, Accept-Encoding", "Cache-Control": "no-cache", "Accept-Ranges": "none"}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response
