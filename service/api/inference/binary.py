"""Binary inference: latents and vectors as little-endian float32 in the body, the model named in the query."""

import numpy as np
from fastapi import APIRouter, Request, Response
from starlette.routing import Match
from starlette.types import Scope

from gan1010.types import Float32s
from service.api.inference.sample_and_score import sample_response, score_response
from service.api.limits import MAX_INLINE_BYTES, MAX_ROWS
from service.api.responses import BINARY
from service.api.route_classes import BareRoute, StrictRequest, parse_query
from service.api.schemas.inference import BulkQuery
from service.errors import InvalidInputError

FLOAT32 = np.dtype("<f4")


class BinaryRoute(BareRoute):
    """A route for binary bodies. Other bodies go to the JSON route of the same path, which comes later."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match only a POST of binary data."""
        if scope["method"] != "POST":
            return Match.NONE, {}
        media_type = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
        return super().matches(scope) if media_type == BINARY.encode() else (Match.NONE, {})

    async def respond(self, request: StrictRequest) -> Response:
        """Call the endpoint with the request and the query."""
        response: Response = await self.endpoint(request, parse_query(request, BulkQuery))
        return response


router = APIRouter(route_class=BinaryRoute, include_in_schema=False)  # the JSON routes describe these too


@router.post("/sample")
async def sample_binary(request: Request, query: BulkQuery) -> Response:
    """Sample the generator for binary latents."""
    latents = _rows(await request.body(), 1, "one number")[:, 0]
    return await sample_response(request, latents, query.job_id, query.iteration)


@router.post("/score")
async def score_binary(request: Request, query: BulkQuery) -> Response:
    """Score binary vectors."""
    body = await request.body()

    def make_rows(pattern: str) -> Float32s:
        return _rows(body, len(pattern), f"{len(pattern)} numbers for the pattern {pattern}")

    inline = len(body) <= MAX_INLINE_BYTES
    return await score_response(request, make_rows, query.job_id, query.iteration, inline=inline)


def _rows(body: bytes, width: int, row: str) -> Float32s:
    count, rest = divmod(len(body), width * FLOAT32.itemsize)
    if rest or not 1 <= count <= MAX_ROWS:
        detail = f"The body has {len(body):,} bytes. Send 1 to {MAX_ROWS:,} rows of float32, each of {row}."
        raise InvalidInputError(detail, "body")
    return np.frombuffer(body, FLOAT32).reshape(count, width)
