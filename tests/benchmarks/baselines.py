"""Baselines: typical FastAPI + torch endpoints, and a minimal ASGI app.

The typical endpoints create the networks once, compute no gradients, and use pydantic models. They check no bounds and
send less than the service does.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from torch import nn

Message = MutableMapping[str, Any]


class Sample(BaseModel):
    """G's output for a latent."""

    seed: float
    sample: list[float]


class Vectors(BaseModel):
    """Vectors to score."""

    vectors: list[list[float]]


class Scores(BaseModel):
    """D's scores."""

    scores: list[float]


def inference() -> tuple[Callable[[float], Sample], Callable[[Vectors], Scores]]:
    """Create G and D, whose weights have no influence on the time, and return what the endpoints do."""
    generator = nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 4), nn.Sigmoid()).eval()
    discriminator = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid()).eval()

    def sample(seed: float = 0.5) -> Sample:
        with torch.no_grad():
            output = generator(torch.tensor([seed]))
        return Sample(seed=seed, sample=output.tolist())

    def score(body: Vectors) -> Scores:
        with torch.no_grad():
            output = discriminator(torch.tensor(body.vectors))
        return Scores(scores=output.squeeze(1).tolist())

    return sample, score


def typical_def() -> FastAPI:
    """Create the endpoints with `def`: FastAPI runs each request on a thread."""
    app, (sample, score) = FastAPI(), inference()
    app.get("/sample")(sample)
    app.post("/score")(score)
    return app


def typical_async() -> FastAPI:
    """Create the endpoints with `async def`: they run on the event loop."""
    app, (sample, score) = FastAPI(), inference()

    @app.get("/sample")
    async def sample_async(seed: float = 0.5) -> Sample:
        return sample(seed)

    @app.post("/score")
    async def score_async(body: Vectors) -> Scores:
        return score(body)

    return app


def minimal() -> Callable[..., Awaitable[None]]:
    """Create an ASGI app that reads the request and sends the body in BENCHMARK_RESPONSE: the fastest possible."""
    body = os.environ["BENCHMARK_RESPONSE"].encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    response = {"type": "http.response.body", "body": body}

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(start)
        await send(response)

    return app
