"""What one would have otherwise: the obvious FastAPI + torch endpoints, and the least that any ASGI app does.

The obvious ones are written as a good developer would on an ordinary day: the networks made once, no gradients,
pydantic models for what comes in and goes out. They check no bounds and answer less than the service does.
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
    """What G makes of a seed."""

    seed: float
    sample: list[float]


class Vectors(BaseModel):
    """What to score."""

    vectors: list[list[float]]


class Scores(BaseModel):
    """D's answers."""

    scores: list[float]


def networks() -> tuple[nn.Module, nn.Module]:
    """G and D; what their weights are makes no difference to the time."""
    generator = nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 4), nn.Sigmoid())
    discriminator = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    return generator.eval(), discriminator.eval()


def obvious_def() -> FastAPI:
    """With `def`: FastAPI runs each request on a thread."""
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


def obvious_async() -> FastAPI:
    """With `async def`: each request is answered on the event loop."""
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


def bare() -> Callable[..., Awaitable[None]]:
    """An ASGI app that takes the request in and answers what BENCHMARK_ANSWER holds: nothing can be faster."""
    body = os.environ["BENCHMARK_ANSWER"].encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    answer = {"type": "http.response.body", "body": body}

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(start)
        await send(answer)

    return app
