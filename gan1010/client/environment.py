"""Proxy and certificates of a connection, from the variables of the environment that other programs use as well.

httpx would read them itself, but it sends what is addressed to this machine, with its API key, to a proxy as well, and
fails on variables that the connection does not need.
"""

import importlib.util
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from gan1010.client.errors import ConfigurationError

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
MAX_LABEL = 63  # characters between the dots of a host name
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way to a service: arguments of httpx's clients, and the variable that names the proxy in use."""

    options: dict[str, Any]
    proxy_variable: str | None = None


def route_to(url: httpx.URL) -> Route:
    """Find the route to a service; raise a ConfigurationError if a variable that it needs cannot be used."""
    # Plain HTTP needs no certificates, and this context trusts none.
    tls = _tls_context() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    options = {"verify": tls, "trust_env": False}
    proxies = getproxies()
    kind = url.scheme if url.scheme in proxies else "all"
    if kind not in proxies or is_this_machine(url.host) or _is_exempt(url, proxies.get("no", "")):
        return Route(options=options)
    name = f"{kind}_proxy"
    variables = (variable for variable in (name, *os.environ) if variable.lower() == name and os.environ.get(variable))
    variable = next(variables, "the proxy in the system's settings")
    return Route(options=options | {"proxy": _proxy(proxies[kind].strip(), variable)}, proxy_variable=variable)


def is_usable(url: httpx.URL) -> bool:
    """Return whether a URL has a well-formed host, and a port that can exist."""
    labels = url.raw_host.decode("ascii").rstrip(".").split(".")
    return all(0 < len(label) <= MAX_LABEL for label in labels) and (url.port or 0) <= MAX_PORT


def is_this_machine(host: str) -> bool:
    """Return whether a host is a loopback name or address, also one such as 127.1 or ::ffff:127.0.0.1."""
    host = host.rstrip(".")
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _address(host: str) -> Address | None:
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # accepts what `connect` accepts
    except OSError:
        pass
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return None
    return address.ipv4_mapped or address


def _is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    """Return whether NO_PROXY has the host: as a name, domain or address, with or without a port, or by its network."""
    entries, address = [entry.strip() for entry in no_proxy.split(",")], _address(url.host)
    if "*" in entries or proxy_bypass(f"{url.host}:{url.port or DEFAULT_PORTS[url.scheme]}"):
        return True
    return address is not None and any(_is_within(address, entry.strip("[]")) for entry in entries)


def _is_within(address: Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:  # a name
        return False


def _proxy(text: str, variable: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
        is_valid = is_usable(proxy.url)
    except (ValueError, httpx.InvalidURL):
        is_valid = False
    if not is_valid:
        raise ConfigurationError(variable, "is not the URL of a proxy. Use one such as http://proxy.example:3128.")
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        remedy = "Install it, name an HTTP proxy, or add the service's host to NO_PROXY."
        raise ConfigurationError(variable, f"names a SOCKS proxy, which needs the package socksio. {remedy}")
    if proxy.url.scheme == "https":
        proxy.ssl_context = _tls_context()
    return proxy


def _tls_context() -> ssl.SSLContext:
    """Trust the certificates of SSL_CERT_FILE, else those of SSL_CERT_DIR, else the public authorities."""
    file, folders = (os.environ.get(name, "").strip() for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if folders and not file and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise ConfigurationError("SSL_CERT_DIR", "is not a folder. Name a folder of certificates, or unset it.")
    try:
        if file or folders:
            return ssl.create_default_context(cafile=file or None, capath=None if file else folders)
        return httpx.create_ssl_context(trust_env=False)
    except OSError as error:
        if error.filename is not None:  # of Python's own variable for debugging, which it opens last
            raise ConfigurationError("SSLKEYLOGFILE", "is not a file that can be written. Unset it.") from error
        remedy = "Name a readable file, or unset it."
        raise ConfigurationError("SSL_CERT_FILE", f"has no PEM certificates. {remedy}") from error
