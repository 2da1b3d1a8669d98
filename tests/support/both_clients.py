"""Both clients behind one blocking interface, and a transport whose first requests fail."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal

from gan1010.client import AsyncClient, Client
from tests.support import clients

CLIENT_KINDS = ("blocking", "async")


class BlockingAsyncClient:
    """`AsyncClient` with the blocking methods of `Client`."""

    def __init__(self, real: AsyncClient, portal: BlockingPortal) -> None:
        self.real, self._portal = real, portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            result = getattr(self.real, name)(*args, **kwargs)
            return self._iterate(result) if inspect.isasyncgen(result) else self._portal.call(_wait_for, result)

        method.__name__ = name
        return method

    def each(self, list_page: Callable[..., Any], **params: Any) -> Iterator[Any]:
        return self._iterate(self.real.each(getattr(self.real, list_page.__name__), **params))

    def _iterate(self, items: Any) -> Iterator[Any]:
        try:
            while True:
                yield self._portal.call(items.__anext__)
        except StopAsyncIteration:
            return


class FaultyTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Transport to the application whose first requests fail, before or `after_delivery`."""

    def __init__(
        self, app: clients.Client, *failures: httpx.Response | Exception, after_delivery: bool = False
    ) -> None:
        self._inner, self._failures, self._after_delivery = app.transport, list(failures), after_delivery
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self._failures or self._after_delivery:
            response = self._inner.handle_request(request)
        return self._fail() if self._failures else response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self._failures or self._after_delivery:
            response = await self._inner.asgi.handle_async_request(request)
        return self._fail() if self._failures else response

    def _fail(self) -> httpx.Response:
        failure = self._failures.pop(0)
        if isinstance(failure, Exception):
            raise failure
        return failure


def make_client(kind: str, app: clients.Client, transport: FaultyTransport | None = None, **options: Any) -> Any:
    """Make a client of an application in this process."""
    if kind == "blocking":
        return Client("http://localhost", transport=transport or app.transport, **options)
    client = AsyncClient("http://localhost", transport=transport or app.transport.asgi, **options)
    return BlockingAsyncClient(client, app.portal)


async def _wait_for(awaitable: Any) -> Any:
    return await awaitable
