"""Addresses: the sockets that the service listens on, and its URL."""

import errno
import socket
from ipaddress import ip_address

UNAVAILABLE_ERRNOS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # such as those of ::1 on a machine without IPv6
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on all addresses of a host that this machine has; port 0 selects a free one, the same for all.

    Raises:
        OSError: there is no such address, or one is in use.
    """
    listeners: list[socket.socket] = []
    unavailable: OSError | None = None
    selected = port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, (address, _, *scope) in dict.fromkeys(found):
            try:
                listeners.append(socket.create_server((address, selected, *scope), family=family))
                selected = listeners[0].getsockname()[1]
            except OSError as error:
                if error.errno not in UNAVAILABLE_ERRNOS:
                    raise
                unavailable = error
        if unavailable and not listeners:
            raise unavailable
    except (OSError, UnicodeError) as error:
        for listener in listeners:
            listener.close()
        reason = (getattr(error, "strerror", None) or "no host name").partition(" (while")[0]
        remedy = "Choose another --host or --port."
        raise OSError(f"it cannot listen on {host}, port {port}: {reason}. {remedy}") from error
    return listeners


def is_loopback(listeners: list[socket.socket]) -> bool:
    """Return True if only this machine can reach the sockets."""
    return all(ip_address(listener.getsockname()[0]).is_loopback for listener in listeners)


def host_in_url(host: str, listeners: list[socket.socket]) -> str:
    """Return the host to use in URLs on this machine, in brackets if it is an IPv6 address."""
    if ip_address(listeners[0].getsockname()[0]).is_unspecified:
        host = LOOPBACK[listeners[0].family]
    return f"[{host}]" if ":" in host else host.lower()
