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


def networks() -> tuple[nn.Module, nn.Module]:
    """Create G and D with random weights, which have no influence on the time."""
    generator = nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 4), nn.Sigmoid())
    discriminator = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    return generator.eval(), discriminator.eval()


def typical_def() -> FastAPI:
    """Create the endpoints with `def`: FastAPI runs each request on a thread."""
    app, (generator, discriminator) = FastAPI(), networks()

    @app.get("/sample")
    def sample(seed: float = 0.5) -> Sample:
        with torch.no_grad():
            output = generator(torch.tensor([seed]))
        return Sample(seed=seed, sample=output.tolist())

    @app.post("/score")
    def score(body: Vectors) -> Scores:
        with torch.no_grad():
            output = discriminator(torch.tensor(body.vectors))
        return Scores(scores=output.squeeze(1).tolist())

    return app


def typical_async() -> FastAPI:
    """Create the endpoints with `async def`: they run on the event loop."""
    app, (generator, discriminator) = FastAPI(), networks()

    @app.get("/sample")
    async def sample(seed: float = 0.5) -> Sample:
        with torch.no_grad():
            output = generator(torch.tensor([seed]))
        return Sample(seed=seed, sample=output.tolist())

    @app.post("/score")
    async def score(body: Vectors) -> Scores:
        with torch.no_grad():
            output = discriminator(torch.tensor(body.vectors))
        return Scores(scores=output.squeeze(1).tolist())

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
