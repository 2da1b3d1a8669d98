"""Reverse proxies: the client's address, the scheme and the path prefix, as trusted proxies forward them."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware.addresses import parse_address
from service.settings import PATH_PREFIX, Network

LINKS = (b"location", b"link")  # headers of responses that have paths
FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-prefix")


class ProxyMiddleware:
    """Let requests look as the client sent them, and begin the paths in responses with the prefix.

    `scope["prefix"]` is the part of the path that the client sends and the routes do not have. A proxy may remove it or
    pass it on.
    """

    def __init__(self, app: ASGIApp, root_path: str, trusted: Iterable[Network]) -> None:
        self._app, self._root_path, self._networks = app, root_path, tuple(trusted)
        self._is_trusted = lru_cache(maxsize=256)(self._is_in_networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        prefix, peer = self._root_path, scope.get("client")
        if peer and self._is_trusted(peer[0]):
            prefix = self._read_headers(scope, prefix)
        if not prefix:
            await self._app(scope, receive, send)
            return
        scope["prefix"] = prefix
        if f"{scope['path']}/".startswith(f"{self._root_path}/"):
            scope["path"] = scope["path"].removeprefix(self._root_path) or "/"

        async def send_with_prefix(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, _with_prefix(name, value, prefix.encode())) for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, send_with_prefix)

    def _read_headers(self, scope: Scope, prefix: str) -> str:
        """Set the client's address and scheme, and return the prefix; headers without a valid value do not count."""
        values: dict[bytes, list[str]] = {name: [] for name in FORWARDED}
        for name, value in scope["headers"]:
            if name in values:
                values[name] += [part.strip() for part in value.decode("latin-1").split(",")]
        addresses, schemes, prefixes = values.values()
        if address := self._client_address(addresses):
            scope["client"] = address, 0
        if schemes and schemes[0].lower() in ("http", "https"):
            scope["scheme"] = schemes[0].lower()
        if prefixes and PATH_PREFIX.fullmatch(forwarded := prefixes[0].rstrip("/")):
            prefix = forwarded
        return prefix

    def _client_address(self, forwarded: list[str]) -> str | None:
        """Return the last address that is not a trusted proxy's: clients can write what is before it."""
        address = None
        for text in reversed(forwarded):
            found = _parse_address(text)
            if found is None:
                return address
            address = found
            if not self._is_trusted(address):
                return address
        return address

    def _is_in_networks(self, address: str) -> bool:
        ip = parse_address(address)
        return ip is not None and any(ip in network for network in self._networks)


def _parse_address(text: str) -> str | None:
    """Return the address of an entry such as `10.0.0.1`, `10.0.0.1:5000` or `[::1]:5000`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text)) if "%" not in text else None
    except ValueError:
        return None


def _with_prefix(name: bytes, value: bytes, prefix: bytes) -> bytes:
    """Add the prefix to the path in a header: `/jobs/1`, or `</jobs/1>; rel="next"`."""
    if name not in LINKS:
        return value
    start = 1 if value.startswith(b"<") else 0
    is_path = value[start : start + 1] == b"/"
    return value[:start] + prefix + value[start:] if is_path else value
