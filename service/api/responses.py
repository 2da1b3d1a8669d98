"""Answers that FastAPI does not give by itself: problems, fast JSON, CSV, and 304 for what has not changed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from fastapi import Request, Response

from gan1010.types import Array, Float32s

PLOT_HEADERS = {  # an SVG that is looked at by itself has styles, and a heat map in it
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
}
Responses = dict[int | str, dict[str, Any]]
BINARY = "application/octet-stream"
BYTES: dict[str, Any] = {BINARY: {"schema": {"type": "string", "format": "binary"}}}
NOT_MODIFIED: Responses = {304: {"description": "Not changed since the ETag of If-None-Match"}}


def ok(**description: Any) -> Responses:
    """The OpenAPI description of a 200, for `responses`."""
    return {200: description}


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, NumPy arrays included: float32 numbers have the fewest digits that give the same float32 again."""
    body = orjson.dumps(content, default=np.ascontiguousarray, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, "application/json")


def binary_response(numbers: Float32s, job_id: str, iteration: int) -> Response:
    """Numbers as bytes, float32, little-endian, row by row; whose they are stands in the headers."""
    headers = {"Job-Id": job_id, "Iteration": str(iteration)}
    return Response(numbers.astype("<f4", copy=False).tobytes(), headers=headers, media_type=BINARY)


def csv_response(columns: Mapping[str, Sequence[Any] | Array]) -> Response:
    """CSV, a column for each array or list of plain words; numbers as JSON has them, and nothing for None."""
    rows = zip(*(_csv_column(values) for values in columns.values()), strict=True)
    lines = [",".join(columns).encode(), *(b",".join(row) for row in rows), b""]
    return Response(b"\r\n".join(lines), media_type="text/csv")


def _csv_column(values: Sequence[Any] | Array) -> list[bytes]:
    if not isinstance(values, np.ndarray):
        return [b"" if value is None else str(value).encode() for value in values]
    numbers = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return numbers.split(b",") if numbers else []


def accepts(request: Request, kind: str) -> bool:
    """Whether the client would rather have this media type than JSON (RFC 9110, 12.5.1)."""
    accept = request.headers.get("accept", "").lower()
    if kind not in accept:
        return False
    wanted: dict[str, float] = {}
    for part in accept.split(","):
        name, _, parameters = part.partition(";")
        quality = parameters.replace(" ", "").partition("q=")[2]
        wanted[name.strip()] = float(quality) if quality.replace(".", "", 1).isdecimal() else 1.0
    json = next((wanted[name] for name in ("application/json", "application/*", "*/*") if name in wanted), 0.0)
    return wanted.get(kind, 0.0) > 0 and wanted[kind] >= json


def conditional_response(request: Request, answer: Response) -> Response:
    """The answer with its ETag, or 304 when the client has that already (RFC 9110, 13.1.2)."""
    etag = f'"{hashlib.blake2b(bytes(answer.body), digest_size=16).hexdigest()}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache"}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer
