"""The client: every call of the service, typed, from Python. It needs httpx and pydantic, and nothing of the service.

>>> from service.client import Client
>>> with Client() as client:
...     job = client.wait(client.train(preset="article-bce", seed=7).id)
...     job.result.bits
'1010'
"""

from service.client import answers
from service.client.awaiting import AsyncClient
from service.client.blocking import Client
from service.client.errors import (
    BusyError,
    ClientError,
    ConflictError,
    InvalidRequestError,
    NoAnswerError,
    NotAllowedError,
    NotFoundError,
    ProblemError,
)

__all__ = [
    "AsyncClient",
    "BusyError",
    "Client",
    "ClientError",
    "ConflictError",
    "InvalidRequestError",
    "NoAnswerError",
    "NotAllowedError",
    "NotFoundError",
    "ProblemError",
    "answers",
]
