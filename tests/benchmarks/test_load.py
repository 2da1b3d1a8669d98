"""The load generator against apps that are known: it counts every answer, and says which were not 200."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import pytest
import uvicorn

from tests.benchmarks.load import Load, hammer, hammer_elsewhere, request

Message = MutableMapping[str, Any]


async def every_tenth_is_too_much(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    scope["state"]["asked"] = asked = scope["state"].get("asked", 0) + 1
    body = b"x" * 300_000 if scope["path"] == "/long" else b"yes"
    status = 503 if scope["path"] == "/flaky" and asked % 10 == 0 else 200
