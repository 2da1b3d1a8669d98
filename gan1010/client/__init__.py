"""Typed HTTP client of the service, blocking and asynchronous.

>>> from gan1010.client import Client
>>> with Client() as client:
...     job = client.wait(client.train(preset="article-bce", seed=7).id)
...     job.result.bits
'1010'
"""

from gan1010.client import responses
from gan1010.client.clients import AsyncClient, Client
from gan1010.client.errors import (
    BusyError,
    ClientError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NoResponseError,
    NotAllowedError,
    NotFoundError,
    ProblemError,
    TlsError,
)

__all__ = [
    "AsyncClient",
    "BusyError",
    "Client",
    "ClientError",
    "ConfigurationError",
    "ConflictError",
    "InvalidRequestError",
    "NoResponseError",
    "NotAllowedError",
    "NotFoundError",
    "ProblemError",
    "TlsError",
    "responses",
]
