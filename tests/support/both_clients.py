"""The two clients behind one face, and connections on which things go wrong: tests are the same for both."""

import inspect
from collections.abc import Callable
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal

from gan1010.client import AsyncClient, Client
from tests.support import clients
from tests.support.clients import InProcess

KINDS = ("blocking", "awaiting")
Trouble = httpx.Response | Exception


class Awaited:
    """`AsyncClient` with the methods of `Client`."""

    def __init__(self, real: AsyncClient, portal: BlockingPortal) -> None:
        self.real, self._portal = real, portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            answer = getattr(self.real, name)(*args, **kwargs)
            return [item async for item in answer] if inspect.isasyncgen(answer) else await answer

        return lambda *args, **kwargs: self._portal.call(lambda: ask(*args, **kwargs))


class Troubled(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A way to the service on which the first requests meet trouble: before they arrive, or when they are answered."""

    def __init__(self, inner: InProcess, *troubles: Trouble, arriving: bool = False) -> None:
        self._inner, self._troubles, self._arriving = inner, list(troubles), arriving
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self._troubles:
            return self._inner.handle_request(request)
        if self._arriving:
            self._inner.handle_request(request)
        return self._next()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self._troubles:
            return await self._inner._asgi.handle_async_request(request)
        if self._arriving:
            await self._inner._asgi.handle_async_request(request)
        return self._next()

    def _next(self) -> httpx.Response:
        trouble = self._troubles.pop(0)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble


def one_of(kind: str, app: clients.Client, transport: Troubled | None = None, **settings: Any) -> Any:
    """A client of an application in this process."""
    inner = app._transport
    assert isinstance(inner, InProcess)
    if kind == "blocking":
        return Client("http://testserver", transport=transport or inner, **settings)
    return Awaited(AsyncClient("http://testserver", transport=transport or inner._asgi, **settings), inner._portal)


def inner_of(app: clients.Client) -> InProcess:
    assert isinstance(app._transport, InProcess)
    return app._transport
