"""Addresses: listening on hosts and ports."""

import socket
from contextlib import ExitStack

import pytest

from service.server.address import listen


@pytest.mark.parametrize("host", ["nosuch.invalid", "a..b", "203.0.113.1", "127.0.0.1"])
def test_address_without_a_listener_is_named(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"{host}, port {port}: [A-Za-z ]+\. Choose another --host or --port\."):
            listen(host, port)


def test_all_addresses_of_a_host_that_are_usable_have_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["127.0.0.1", "203.0.113.1", "127.0.0.2", "127.0.0.1"]  # the second one is not of this machine
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with ExitStack() as stack:
        names = [stack.enter_context(listener).getsockname() for listener in listen("localhost", 0)]
    assert [address for address, _ in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in names}) == 1
