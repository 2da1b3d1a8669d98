"""The synchronous and the asynchronous client behind one interface, and a transport that fails."""

import inspect
from collections.abc import Callable
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal

from gan1010.client import AsyncClient, Client
from tests.support import clients
from tests.support.clients import InProcessTransport

CLIENT_KINDS = ("blocking", "awaiting")
Failure = httpx.Response | Exception


class BlockingAsyncClient:
    """`AsyncClient` with the methods of `Client`."""

    def __init__(self, real: AsyncClient, portal: BlockingPortal) -> None:
        self.real, self._portal = real, portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            result = getattr(self.real, name)(*args, **kwargs)
            return [item async for item in result] if inspect.isasyncgen(result) else await result

        return lambda *args, **kwargs: self._portal.call(lambda: call(*args, **kwargs))


class FaultyTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport on which the first requests fail, before or after the service has received them."""

    def __init__(self, inner: InProcessTransport, *failures: Failure, after_delivery: bool = False) -> None:
        self._inner, self._failures, self._after_delivery = inner, list(failures), after_delivery
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self._failures:
            return self._inner.handle_request(request)
        if self._after_delivery:
            self._inner.handle_request(request)
        return self._next()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self._failures:
            return await self._inner._asgi.handle_async_request(request)
        if self._after_delivery:
            await self._inner._asgi.handle_async_request(request)
        return self._next()

    def _next(self) -> httpx.Response:
        failure = self._failures.pop(0)
        if isinstance(failure, Exception):
            raise failure
        return failure


def make_client(kind: str, app: clients.Client, transport: FaultyTransport | None = None, **settings: Any) -> Any:
    """Make a client of an application in this process."""
    inner = transport_of(app)
    if kind == "blocking":
        return Client("http://localhost", transport=transport or inner, **settings)
    return BlockingAsyncClient(
        AsyncClient("http://localhost", transport=transport or inner._asgi, **settings), inner._portal
    )


def transport_of(app: clients.Client) -> InProcessTransport:
    assert isinstance(app._transport, InProcessTransport)
    return app._transport
