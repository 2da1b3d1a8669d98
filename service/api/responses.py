"""Responses that FastAPI does not have: fast JSON, binary float32, CSV, and 304 for unchanged content."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import Request, Response

PLOT_HEADERS = {  # an SVG opened by itself contains styles, and a heat map as an image
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
}
Responses = dict[int | str, dict[str, Any]]
BINARY = "application/octet-stream"
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
    """Build CSV from arrays and lists of plain words: numbers and text of digits as in JSON, None as an empty field."""
    rows = zip(*(_csv_column(values) for values in columns.values()), strict=True)
    lines = [",".join(columns).encode(), *(b",".join(row) for row in rows), b""]
    return Response(b"\r\n".join(lines), media_type="text/csv")


def _csv_column(values: Sequence[Any] | npt.NDArray[Any]) -> list[bytes]:
    if not isinstance(values, np.ndarray):
        return [_csv_field(value) for value in values]
    numbers = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return numbers.split(b",") if numbers else []


def _csv_field(value: Any) -> bytes:
    if isinstance(value, str) and value.isdecimal():
        return f'"""{value}"""'.encode()  # programs that guess types would read 0110 as 110
    return b"" if value is None else str(value).encode()


def accepts(request: Request, media_type: str) -> bool:
    """Return True if the client ranks this media type at least as high as JSON (RFC 9110, 12.5.1)."""
    values = (value for name, value in request.scope["headers"] if name == b"accept")
    accept = next(values, b"").decode("latin-1").lower()
    if media_type not in accept:
        return False
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        name, _, parameters = part.partition(";")
        quality = parameters.replace(" ", "").partition("q=")[2]
        qualities[name.strip()] = float(quality) if quality.replace(".", "", 1).isdecimal() else 1.0
    json = next((qualities[name] for name in ("application/json", "application/*", "*/*") if name in qualities), 0.0)
    return qualities.get(media_type, 0.0) > 0 and qualities[media_type] >= json


def conditional_response(request: Request, response: Response, coding: str | None) -> Response:
    """Add an ETag, or return 304 if the client already has this content in this coding (RFC 9110, 13.1.2)."""
    digest = hashlib.blake2b(response.body, digest_size=16).hexdigest()
    etag = f'"{digest}-{coding}"' if coding else f'"{digest}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    headers = {"ETag": etag, "Vary": "Accept, Accept-Encoding", "Cache-Control": "no-cache", "Accept-Ranges": "none"}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response
