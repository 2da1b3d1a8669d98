"""Who gets in: requests with a key, or to a loopback name where there is none; and no page of another site.

Whoever can connect can also write `Host: localhost`. So where nothing else is set up, who comes from a public address
is turned away as well: what is left are this machine, and the private networks that it is in, a container's included.
"""

import base64
import binascii
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response
from service.api_keys import ApiKeys
from service.errors import ApiKeyRequiredError, BodyTooLargeError, CrossOriginError, HostNotAllowedError, ServiceError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
PUBLIC_PATHS = frozenset({"/healthz", "/readyz"})
PAGES = frozenset({"/", "/docs"})  # they hold no data: other sites may link to them, though not show them
ONCE = (b"authorization", b"host", b"origin", b"sec-fetch-site", b"x-api-key")
OWN_SITES = (b"same-origin", b"none")  # a page of ours, or the person at the browser
NO_KEY = (
    "as long as it has no API key, the service answers only to localhost, 127.0.0.1 and [::1];"
    " set GAN1010_API_KEY, or name this host in GAN1010_ALLOWED_HOSTS"
)
FROM_AFAR = "as long as it has no API key, the service answers to no public address; set GAN1010_API_KEY"
SEND_A_KEY = "send a key of this service as Authorization: Bearer KEY, or as X-API-Key: KEY"
Headers = dict[bytes, bytes]


class AccessControlMiddleware:
    """A layer that only those requests pass that may, on every path and with every method."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, allowed_hosts: Iterable[str], max_body_bytes: int) -> None:
        self._app, self._keys, self._limit = app, keys, max_body_bytes
        self._hosts = None if keys and not allowed_hosts else LOOPBACK_NAMES.union(allowed_hosts)  # None: any
        self._to_anywhere = bool(keys or allowed_hosts)
        self._is_allowed = lru_cache(maxsize=256)(self._is_allowed_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say why not."""
        if scope["type"] == "http":
            try:
                headers = _headers(scope)
                self._check(scope, headers)
                await self._check_body(scope, headers, receive)
            except ServiceError as error:
                answer = error_response(Request(scope), error)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Say who asks in `scope["key"]`.

        Raises:
            HostNotAllowedError: it is addressed to a name that is not ours, or comes from afar where there are no keys.
            CrossOriginError: a browser sends it for a page of another origin.
            ApiKeyRequiredError: it comes without a key, or with a wrong one.
        """
        if self._hosts is not None and not self._is_allowed(headers.get(b"host", b"")):
            raise HostNotAllowedError(
                "address it by a name of GAN1010_ALLOWED_HOSTS or as localhost" if self._keys else NO_KEY
            )
        if not self._to_anywhere and scope.get("client") and _is_public(scope["client"][0]):
            raise HostNotAllowedError(FROM_AFAR)
        if _is_foreign(scope, headers):
            raise CrossOriginError(
                "pages of other origins have no access; ask from a page of this service, or from none"
            )
        if self._keys:
            scope["key"] = self._keys.name_of(_presented_key(headers))
            if scope["key"] is None and scope["path"] not in PUBLIC_PATHS:
                raise ApiKeyRequiredError(SEND_A_KEY)

    async def _check_body(self, scope: Scope, headers: Headers, receive: Receive) -> None:
        """Refuse a body that is too large, whether the route reads it or not; what POST routes read, they count.

        Raises:
            BodyTooLargeError: before more than the limit has been taken in.
        """
        if int(headers.get(b"content-length", 0)) > self._limit:
            raise BodyTooLargeError
        if b"transfer-encoding" in headers and scope["method"] != "POST":
            size, more = 0, True
            while more:
                message = await receive()
                size, more = size + len(message.get("body", b"")), message.get("more_body", False)
                if size > self._limit:
                    raise BodyTooLargeError

    def _is_allowed_host(self, host: bytes) -> bool:
        name, colon, port = host.decode("latin-1").lower().rpartition(":")
        if not colon or port.endswith("]"):  # no port: what looked like one is part of the name
            name, port = f"{name}{colon}{port}", ""
        return self._hosts is not None and name in self._hosts and (not port or port.isdecimal())


@lru_cache(maxsize=256)
def _is_public(address: str) -> bool:
    """Whether who connects has an address of the whole internet; what is none, such as a socket's name, is near."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    return ((isinstance(peer, IPv6Address) and peer.ipv4_mapped) or peer).is_global


def _headers(scope: Scope) -> Headers:
    """The headers by name; those that say who asks count for nothing where they come twice."""
    headers = dict(scope["headers"])
    if len(headers) < len(scope["headers"]):
        names = [name for name, _ in scope["headers"]]
        headers |= {name: b"" for name in ONCE if names.count(name) > 1}
    return headers


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a browser sends the request for another origin than the one it is addressed to."""
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    if origin is not None:
        scheme, _, authority = origin.lower().partition(b"://")
        if scheme not in (b"http", b"https") or authority != headers.get(b"host", b"").lower():
            return True
    if site is None or site in OWN_SITES:
        return False
    followed_link = headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"
    return not (followed_link and scope["method"] == "GET" and scope["path"] in PAGES)


def _presented_key(headers: Headers) -> bytes:
    """The key that comes with the request, in whichever way; browsers ask for it and send it as a password."""
    if b"x-api-key" in headers:
        return headers[b"x-api-key"]
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(credentials, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return credentials.strip() if scheme.lower() == b"bearer" else b""
