"""Sample and score in bulk: the numbers as bytes, float32, little-endian, and which model is meant in the query."""

import numpy as np
from fastapi import APIRouter, Request, Response
from starlette.routing import Match
from starlette.types import Scope

from gan1010.types import Float32s
from service.api.inference.sample_and_score import answer_samples, answer_scores
from service.api.limits import MAX_ROWS
from service.api.responses import BINARY
from service.api.route_classes import BareRoute, Handler, StrictRequest, parse_query
from service.api.schemas.jobs import BulkQuery
from service.errors import InvalidInputError

NUMBER = np.dtype("<f4")
LIGHT = 200_000  # bytes that are answered on the event loop


class BulkRoute(BareRoute):
    """A bare route for bodies that are bytes; JSON is for the route of the same path that comes after it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for it."""
        if scope["method"] != "POST":
            return Match.NONE, {}
        kind = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
        return super().matches(scope) if kind == BINARY.encode() else (Match.NONE, {})

    def get_route_handler(self) -> Handler:
        """The handler, in place of FastAPI's own."""

        async def directly(request: Request) -> Response:
            query = parse_query(request, BulkQuery)
            answer: Response = await self.endpoint(StrictRequest(request.scope, request.receive), query)
            return answer

        return directly


router = APIRouter(route_class=BulkRoute, include_in_schema=False)  # the routes for JSON describe these, too


@router.post("/sample")
async def sample_in_bulk(request: Request, query: BulkQuery) -> Response:
    """Sample the generator for seeds that are bytes."""
    seeds = _rows(await request.body(), 1, "one seed each")[:, 0]
    return await answer_samples(request, seeds, query.job_id, query.iteration)


@router.post("/score")
async def score_in_bulk(request: Request, query: BulkQuery) -> Response:
    """Score vectors that are bytes."""
    body = await request.body()

    def rows(pattern: str) -> Float32s:
        return _rows(body, len(pattern), f"{len(pattern)} for the pattern {pattern}")

    return await answer_scores(request, rows, query.job_id, query.iteration, few=len(body) <= LIGHT)


def _rows(body: bytes, width: int, what: str) -> Float32s:
    count, rest = divmod(len(body), width * NUMBER.itemsize)
    if rest or not 1 <= count <= MAX_ROWS:
        raise InvalidInputError(
            f"send 1 to {MAX_ROWS:,} rows of float32 numbers, {what}: not {len(body):,} bytes", "body"
        )
    return np.frombuffer(body, NUMBER).reshape(count, width)
