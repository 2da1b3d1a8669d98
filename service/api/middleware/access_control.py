"""Access control: API keys, Host and cross-origin checks.

A client can write `Host: localhost` from anywhere. Without API keys and allowed hosts, the service therefore refuses
public addresses too, and serves only this machine and its private networks (a container's included).
"""

import base64
import binascii
import logging
import re
from collections.abc import Awaitable, Iterable
from functools import lru_cache

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api import limits
from service.api.error_page import PAGES
from service.api.middleware.addresses import parse_address
from service.api.middleware.wrong_keys import WrongKeys
from service.api.problems import error_response
from service.api_keys import ApiKeys
from service.errors import (
    ApiKeyRequiredError,
    CrossOriginError,
    HostNotAllowedError,
    ServiceError,
    TooManyWrongKeysError,
)
from service.telemetry.logs import fields
from service.telemetry.metrics import Metrics

LOOPBACK_HOST = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")
PUBLIC_PATHS = frozenset({"/healthz", "/readyz"})  # for probes, which have no key and use any Host or none
SHOWN_HOST = re.compile(rb"[A-Za-z0-9._:\[\]-]{1,260}")
SHOWN_ORIGIN = re.compile(rb"null|https?://" + SHOWN_HOST.pattern)
SINGLE_VALUE_HEADERS = (b"authorization", b"host", b"origin", b"sec-fetch-site", b"x-api-key")
OWN_SITES = (b"same-origin", b"none")  # a page of the service, or an address typed into the browser
Headers = dict[bytes, bytes]
log = logging.getLogger(__name__)


class _RefusedError(Exception):
    """A request is refused: the reason in the metrics, and the error that the client sees."""

    def __init__(self, reason: str, error: ServiceError) -> None:
        super().__init__(reason)
        self.reason, self.error = reason, error


class AccessControlMiddleware:
    """Refuse requests without access, on every path and with every method."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, allowed_hosts: Iterable[str], metrics: Metrics) -> None:
        self._app, self._keys, self._metrics = app, keys, metrics
        self._hosts = frozenset(allowed_hosts)
        self._wrong_keys = WrongKeys()
        self._is_allowed = lru_cache(maxsize=256)(self._is_allowed_host)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, or send a problem response."""
        if scope["type"] == "http":
            try:
                self._check(scope)
            except _RefusedError as refused:
                self._metrics.record_refusal(refused.reason)
                return error_response(Request(scope), refused.error)(scope, receive, send)
        return self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Check a request, and set `scope["key"]` to the name of its API key.

        Raises:
            _RefusedError: the Host is not allowed, the client's address is public and there are no keys, a browser sent
                the request for a page of another origin, or the key is missing or wrong.
        """
        headers, is_public, has_keys = _headers(scope), scope["path"] in PUBLIC_PATHS, bool(self._keys)
        if not is_public and (self._hosts or not has_keys):
            self._check_address(scope, headers.get(b"host", b""), has_keys)
        if _is_cross_origin(scope, headers):
            raise _RefusedError("origin", CrossOriginError(_origin_detail(scope, headers)))
        if has_keys:
            key = _presented_key(headers)
            name = scope["key"] = self._keys.name_of(key)
            if not is_public and (name is None or self._wrong_keys.times):
                self._check_key(scope, key)

    def _check_address(self, scope: Scope, host: bytes, has_keys: bool) -> None:
        """Check the Host, and without allowed hosts also the client's address."""
        if not self._is_allowed(host):
            detail = "This Host is not allowed. Use localhost or a name in GAN1010_ALLOWED_HOSTS." if has_keys else ""
            raise _RefusedError("host", HostNotAllowedError(detail))
        client = scope.get("client")
        if not self._hosts and client and _is_public(client[0]):
            detail = "Without an API key, the service serves no public address. Set GAN1010_API_KEY."
            raise _RefusedError("public-address", HostNotAllowedError(detail))

    def _check_key(self, scope: Scope, key: bytes) -> None:
        """Refuse a request without a valid key, and every key of an address that has sent too many wrong ones."""
        if not key:
            raise _RefusedError("no-key", ApiKeyRequiredError())
        client = scope.get("client")
        address = client[0] if client else ""
        if seconds := self._wrong_keys.blocked_seconds(address):
            scope["key"] = None
            raise _RefusedError("too-many-wrong-keys", TooManyWrongKeysError(seconds))
        if scope["key"] is None:
            if self._wrong_keys.add(address):
                log.warning(
                    "An address has sent %d wrong API keys within %.0f s, and is blocked for the rest of the minute."
                    " If it is a proxy, name it in GAN1010_TRUSTED_PROXIES.",
                    *(limits.MAX_WRONG_KEYS, limits.WRONG_KEYS_SECONDS),
                    extra=fields(client=address),
                )
            raise _RefusedError("wrong-key", ApiKeyRequiredError())

    def _is_allowed_host(self, host: bytes) -> bool:
        name, colon, port = host.decode("latin-1").lower().rpartition(":")
        if not colon or port.endswith("]"):  # there is no port: the colon, if any, is part of an IPv6 address
            name, port = f"{name}{colon}{port}", ""
        is_known = LOOPBACK_HOST.fullmatch(name) or name in self._hosts
        return bool(is_known) and (not port or port.isdecimal())


@lru_cache(maxsize=256)
def _is_public(address: str) -> bool:
    """Return True for a public IP address; a peer without an IP address counts as local."""
    ip = parse_address(address)
    return ip is not None and ip.is_global


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
        if scope["scheme"] == "https" and scheme != b"https":  # known from a trusted proxy
            return True
        if scheme not in (b"http", b"https") or authority != headers.get(b"host", b"").lower():
            return True
    if site is None or site in OWN_SITES:
        return False
    followed_link = headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"
    return not (followed_link and scope["method"] in ("GET", "HEAD") and scope["path"] in PAGES)  # pages hold no data


def _origin_detail(scope: Scope, headers: Headers) -> str:
    """Return both names that must match, if the request has an Origin."""
    if b"origin" not in headers:
        return ""
    origin, host = _shown(SHOWN_ORIGIN, headers[b"origin"]), _shown(SHOWN_HOST, headers.get(b"host", b""))
    sent = f"{host}, over https" if scope["scheme"] == "https" else host
    return (
        f"The Origin of the page is {origin}, and the Host of the request is {sent}. They must match: pages of other"
        " sites have no access, and a proxy must pass on the Host that the browser sent."
    )


def _shown(pattern: re.Pattern[bytes], value: bytes) -> str:
    return value.decode() if pattern.fullmatch(value) else "not readable"


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
