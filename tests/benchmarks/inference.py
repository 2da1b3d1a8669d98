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
QUIET = "--no-access-log"
WAYS: dict[str, tuple[list[str], dict[str, str]]] = {  # to serve an obvious endpoint: the fastest is what counts
    ", access log": ([], {}),
    "": ([QUIET], {}),
    ", torch on one thread": ([QUIET], {"OMP_NUM_THREADS": "1"}),
}


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
            f"{factory}{way}": stack.enter_context(servers.uvicorn(factory, *options, **environment))
            for factory in ("obvious_def", "obvious_async")
            for way, (options, environment) in WAYS.items()
        }
        for question in questions:
            yield from _rows(question, service, obvious, 3 if quick else 15)


def _rows(question: Question, service: Server, obvious: dict[str, Server], rounds: int) -> Iterator[Row]:
    """Ours beside the fastest obvious endpoint, beside a bare app that answers the same bytes, and our errors."""
    name = _fastest(question, obvious)
    with closing(Connection(service.port)) as connection:
        _, answer = connection.ask(question.message)
    with servers.uvicorn("bare", QUIET, BENCHMARK_ANSWER=answer.decode()) as bare:
        contenders = (service, obvious[name], bare)
        for server in contenders:
            _load(question, server, part=10)  # warm
        loads = side_by_side(rounds, *(partial(_load, question, server) for server in contenders))
    ours, theirs, least = ([load.rate * question.values for load in measured] for measured in loads)
    times, errors = ratio(ours, theirs), sum(load.errors for load in loads[0])
    if any(load.errors for load in (*loads[1], *loads[2])):
        raise RuntimeError(f"{question.what}: what it is measured beside answers with errors")
    speed, busy = f"{median(ours):,.0f} {question.unit}", median(load.busy for load in loads[2])
    yield Row(
        what=question.what,
        ours=speed,
        other=f"{median(theirs):,.0f}, {name} (the fastest of the obvious)",
        ratio=f"{times:.2f}",
        target=f">= {question.target}",
        met=times >= question.target,
    )
    other = f"{median(least):,.0f}, bare (the load generator {busy:.0%} busy)"
    yield Row(what=question.what, ours=speed, other=other, ratio=f"{ratio(ours, least):.2f}")
    requests = f"{sum(load.answers for load in loads[0]):,} requests"
    yield Row(what=question.what, ours=f"{errors:,} errors", other=requests, target="0", met=errors == 0)


def _fastest(question: Question, obvious: dict[str, Server]) -> str:
    """Which of the obvious endpoints it is fair to be measured beside."""
    for server in obvious.values():
        _load(question, server, part=10)  # warm
    trials = side_by_side(7, *(partial(_load, question, server, part=5) for server in obvious.values()))
    best = [max(load.rate for load in loads) for loads in trials]  # what else the machine does can only slow them
    return max(zip(best, obvious, strict=True))[1]


def _load(question: Question, server: Server, part: int = 1) -> Load:
    """One round's requests, or a part of them."""
    return hammer_elsewhere(server.port, question.message, question.requests // part)
