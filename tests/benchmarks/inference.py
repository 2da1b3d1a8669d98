"""How fast it samples and scores, beside the obvious endpoints and beside an app that does nothing."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from tests.benchmarks import servers
from tests.benchmarks.load import Connection, Load, hammer_elsewhere, request
from tests.benchmarks.rows import Row, ratio, side_by_side
from tests.benchmarks.servers import Server

VECTORS = 1000


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request that is sent over and over."""

    what: str
    message: bytes
    requests: int  # in one round
    values: int  # samples or scores in one answer
    unit: str
    target: float  # how many times as fast as the obvious endpoint


def inference(quick: bool, service: Server) -> Iterator[Row]:
    """`/sample` with one seed and `/score` with many vectors."""
    vectors = np.random.default_rng(1).random((VECTORS, 4))
    questions = (
        Question(
            what="/sample?seed=0.5",
            message=request("GET", "/sample?seed=0.5"),
            requests=2_000 if quick else 3_500,
            values=1,
            unit="requests/s",
            target=1.5,
        ),
        Question(
            what=f"/score, {VECTORS:,} vectors",
            message=request("POST", "/score", {"vectors": vectors}),
            requests=100,
            values=VECTORS,
            unit="rows/s",
            target=2,
        ),
    )
    with ExitStack() as stack:
        obvious = {
            f"{factory}{', access log' if log else ''}": stack.enter_context(servers.uvicorn(factory, access_log=log))
            for factory in ("obvious_def", "obvious_async")
            for log in (False, True)
        }
        for question in questions:
            yield from _rows(question, service, obvious, 3 if quick else 15)


def _rows(question: Question, service: Server, obvious: dict[str, Server], rounds: int) -> Iterator[Row]:
    """Ours beside the fastest obvious endpoint, beside a bare app that answers the same bytes, and our errors."""
    for server in (service, *obvious.values()):
        _rate(question, server, [], part=10)  # warm
    trials = side_by_side(3, *(partial(_rate, question, server, [], part=5) for server in obvious.values()))
    name = max(zip(obvious, trials, strict=True), key=lambda trial: median(trial[1]))[0]
    with closing(Connection(service.port)) as connection:
        _, answer = connection.ask(question.message)
    loads: list[Load] = []
    bare_loads: list[Load] = []
    with servers.uvicorn("bare", answer=answer) as bare:
        _rate(question, bare, [], part=10)  # warm
        ours, theirs, least = side_by_side(
            rounds,
            partial(_rate, question, service, loads),
            partial(_rate, question, obvious[name], []),
            partial(_rate, question, bare, bare_loads),
        )
    times, errors = ratio(ours, theirs), sum(load.errors for load in loads)
    yield Row(
        what=question.what,
        ours=f"{median(ours):,.0f} {question.unit}",
        other=f"{median(theirs):,.0f}, {name} (the fastest of the obvious endpoints)",
        ratio=f"{times:.2f}",
        target=f">= {question.target}",
        met=times >= question.target,
    )
    yield Row(
        what=question.what,
        ours=f"{median(ours):,.0f} {question.unit}",
        other=f"{median(least):,.0f}, bare (the load generator {median(load.busy for load in bare_loads):.0%} busy)",
        ratio=f"{ratio(ours, least):.2f}",
    )
    yield Row(
        what=question.what,
        ours=f"{errors:,} errors",
        other=f"{sum(load.answers for load in loads):,} requests",
        target="0",
        met=errors == 0,
    )


def _rate(question: Question, server: Server, loads: list[Load], part: int = 1) -> float:
    """Values per second, over a round's requests or a part of them; the load is added to `loads`."""
    load = hammer_elsewhere(server.port, question.message, question.requests // part)
    loads.append(load)
    return load.rate * question.values
