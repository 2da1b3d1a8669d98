"""Access control: API keys, Host and cross-origin checks.

A client can write `Host: localhost` from anywhere. Without API keys and allowed hosts, the service therefore refuses
public addresses too, and serves only this machine and its private networks (a container's included).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response
from service.api_keys import ApiKeys
from service.errors import ApiKeyRequiredError, CrossOriginError, HostNotAllowedError, ServiceError

LOOPBACK_HOST = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")
PUBLIC_PATHS = frozenset({"/healthz", "/readyz"})  # no API key needed, and no Host, which load balancers leave out
PAGES = frozenset({"/", "/docs"})  # pages hold no data, so other sites may link to them
SINGLE_VALUE_HEADERS = (b"authorization", b"host", b"origin", b"sec-fetch-site", b"x-api-key")
OWN_SITES = (b"same-origin", b"none")  # a page of the service, or an address typed into the browser
Headers = dict[bytes, bytes]


class AccessControlMiddleware:
    """Refuse requests without access, on every path and with every method."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, allowed_hosts: Iterable[str]) -> None:
        self._app, self._keys = app, keys
        self._hosts = None if keys and not allowed_hosts else frozenset(allowed_hosts)  # None: any host
        self._serves_public_addresses = bool(keys or allowed_hosts)
        self._is_allowed = lru_cache(maxsize=256)(self._is_allowed_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or send a problem response."""
        if scope["type"] == "http":
            try:
                self._check(scope)
            except ServiceError as error:
                await error_response(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Check a request, and set `scope["key"]` to the name of its API key.

        Raises:
            HostNotAllowedError: the Host is not allowed, or the client's address is public and there are no keys.
            CrossOriginError: a browser sent the request for a page of another origin.
            ApiKeyRequiredError: the key is missing or wrong.
        """
        headers, is_public = _headers(scope), scope["path"] in PUBLIC_PATHS
        host = headers.get(b"host", b"")
        if self._hosts is not None and not self._is_allowed(host) and (host or not is_public):
            raise HostNotAllowedError(
                "This Host is not allowed. Use localhost or a name in GAN1010_ALLOWED_HOSTS." if self._keys else ""
            )
        if not self._serves_public_addresses and scope.get("client") and _is_public(scope["client"][0]):
            raise HostNotAllowedError("Without an API key, the service serves no public address. Set GAN1010_API_KEY.")
        if _is_cross_origin(scope, headers):
            raise CrossOriginError
        if self._keys:
            scope["key"] = self._keys.name_of(_presented_key(headers))
            if scope["key"] is None and not is_public:
                raise ApiKeyRequiredError

    def _is_allowed_host(self, host: bytes) -> bool:
        name, colon, port = host.decode("latin-1").lower().rpartition(":")
        if not colon or port.endswith("]"):  # there is no port: the colon, if any, is part of an IPv6 address
            name, port = f"{name}{colon}{port}", ""
        is_known = LOOPBACK_HOST.fullmatch(name) or name in (self._hosts or ())
        return bool(is_known) and (not port or port.isdecimal())


@lru_cache(maxsize=256)
def _is_public(address: str) -> bool:
    """Return True for a public IP address; a peer without an IP address counts as local."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    return ((isinstance(peer, IPv6Address) and peer.ipv4_mapped) or peer).is_global


def _headers(scope: Scope) -> Headers:
    """Return the headers by name; security headers that come twice are treated as empty."""
    headers = dict(scope["headers"])
    if len(headers) < len(scope["headers"]):
        names = [name for name, _ in scope["headers"]]
        headers |= {name: b"" for name in SINGLE_VALUE_HEADERS if names.count(name) > 1}
    return headers


def _is_cross_origin(scope: Scope, headers: Headers) -> bool:
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
    """Return the API key of X-API-Key or Authorization; browsers send it as the password of Basic."""
    if b"x-api-key" in headers:
        return headers[b"x-api-key"]
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(credentials, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return credentials.strip() if scheme.lower() == b"bearer" else b""
