"""Variables of the environment that other programs use as well: proxies and certificates."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from gan1010.client import AsyncClient, Client, ConfigurationError, NoResponseError, TlsError
from gan1010.client.environment import route_to
from tests.support import clients
from tests.support.both_clients import CLIENT_KINDS, BlockingAsyncClient
from tests.support.tls import handshakes, make_certificate

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "sslkeylogfile")
THIS_MACHINE = (
    "LOCALHOST.", "gan.localhost", "127.0.0.1", "127.8.9.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "[::]",
)  # fmt: skip
PROXY = "http://127.0.0.1:9"


class Proxy(BaseHTTPRequestHandler):
    """Proxy that records the URLs and answers for every service."""

    def do_GET(self) -> None:
        self.server.urls.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.urls = []  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower() in VARIABLES]:
        monkeypatch.delenv(name)


@pytest.fixture(params=CLIENT_KINDS)
def connect(request: pytest.FixtureRequest, shared_client: clients.Client) -> Any:
    """Function that makes a client which connects to a URL."""
    if request.param == "blocking":
        return Client
    return lambda url, **options: BlockingAsyncClient(AsyncClient(url, **options), shared_client.portal)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "Http_Proxy", "ALL_PROXY"])
def test_only_requests_to_other_machines_reach_the_proxy(
    connect: Any, proxy: Any, server_url: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f" {proxy.url.removeprefix('http://')}\r")
    port = server_url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        client = connect(f"http://{host}:{port}", api_key="secret")
        assert client.health().status == "ok"
        client.close()
    assert proxy.urls == []
    client = connect("http://gan.example", api_key="secret")
    assert client.health().status == "ok"
    client.close()
    assert proxy.urls == ["http://gan.example/healthz"]


@pytest.mark.parametrize(
    ("url", "variables", "proxy_variable"),
    [
        ("http://gan.example", {}, None),
        ("http://gan.example", {"HTTP_PROXY": ""}, None),
        ("http://gan.example", {"HTTPS_PROXY": PROXY}, None),
        ("https://gan.example", {"HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ("https://gan.example", {"HTTP_PROXY": PROXY, "all_proxy": PROXY}, "all_proxy"),
        ("http://gan.example", {"HTTP_PROXY": PROXY, "http_proxy": PROXY, "ALL_PROXY": PROXY}, "http_proxy"),
        ("http://gan.example", {"HTTP_PROXY": PROXY, "ALL_PROXY": "socks5://127.0.0.1"}, "HTTP_PROXY"),
        *((f"http://{host}:8000", {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, None) for host in THIS_MACHINE),
        ("http://lab.gan.example", {"HTTP_PROXY": PROXY, "NO_PROXY": "gan.example"}, None),
        ("http://lab.gan.example", {"HTTP_PROXY": PROXY, "no_proxy": ".gan.example"}, None),
        ("http://lab.gan.example", {"HTTP_PROXY": PROXY, "No_Proxy": "a, LAB.gan.example:80"}, None),
        ("http://lab.gan.example", {"HTTP_PROXY": PROXY, "NO_PROXY": "a,*"}, None),
        ("http://lab.gan.example", {"HTTP_PROXY": PROXY, "NO_PROXY": "an.example,gan.example:8000"}, "HTTP_PROXY"),
        ("http://10.9.8.7", {"HTTP_PROXY": PROXY, "NO_PROXY": "example.com, 10.0.0.0/8"}, None),
        ("http://11.9.8.7", {"HTTP_PROXY": PROXY, "NO_PROXY": "example.com, 10.0.0.0/8"}, "HTTP_PROXY"),
        ("http://[fd00::7]", {"HTTP_PROXY": PROXY, "NO_PROXY": "[fd00::7]"}, None),
        ("http://[fd00::7]", {"HTTP_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,fd00::/8"}, None),
    ],
)  # fmt: skip
def test_proxy_of_a_url(
    url: str, variables: dict[str, str], proxy_variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert route_to(httpx.URL(url)).proxy_variable == proxy_variable


@pytest.mark.parametrize(
    ("url", "variable", "value", "remedy"),
    [
        *(("http://gan.example", "HTTP_PROXY", f"{value}", "http://proxy.example:3128") for value in
          ("http://user:secret@[::1", "ftp://secret", "http://", "socks://secret", "http://secret:99999", "http://secret\x01")),
        ("http://gan.example", "all_proxy", "socks5://user:secret@h", "socksio"),
        ("https://127.0.0.1", "SSL_CERT_FILE", "/secret", "readable file"),
        ("https://gan.example", "SSL_CERT_FILE", __file__, "readable file"),
        ("https://gan.example", "SSL_CERT_DIR", "/secret:/nosuch", "folder"),
        ("https://gan.example", "SSLKEYLOGFILE", "/secret/file", "Unset it"),
        ("", "GAN1010_URL", "gan.secret", "http://127.0.0.1:8000"),
        *(("", "GAN1010_URL", value, "http://127.0.0.1:8000") for value in
          ("http://secret:99999", "http://secret\x01", "http://x/\udcff", "http://gan..org", "http://" + "a" * 64)),
        ("http://gan.example", "GAN1010_API_KEY", "schlüssel secret", "ASCII"),
        ("http://gan.example", "GAN1010_API_KEY_FILE", "/secret", "readable file"),
    ],
)  # fmt: skip
def test_variable_that_cannot_be_used_is_named(
    url: str, variable: str, value: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    for kind in (Client, AsyncClient):
        with pytest.raises(ConfigurationError, match=f"^{variable} .*{remedy}") as raised:
            kind(url)
        assert (raised.value.name, "secret" in str(raised.value)) == (variable, False)


def test_variables_without_use_are_ignored(connect: Any, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name.upper(), "socks5://nosuch")
    monkeypatch.setenv("GAN1010_URL", f" {server_url}/\r")
    monkeypatch.setenv("GAN1010_API_KEY", " alice:s3cret\r")
    client = connect(None)
    assert client.health().status == "ok"
    client.close()


def test_proxy_without_a_response_is_named(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", PROXY)
    client = connect("https://gan.example", retries=0)
    with pytest.raises(NoResponseError, match=r"https://gan\.example.*proxy in https_proxy"):
        client.health()
    client.close()


def test_tls_that_fails_is_named_and_not_tried_again(
    connect: Any, server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path, "gan.example")
    port_without_tls = server_url.rpartition(":")[2]
    with handshakes(certificate, key) as port:
        for url, trusted, reason in (
            (f"https://127.0.0.1:{port}", "", "self-signed certificate. Name its authority in SSL_CERT_FILE, if"),
            (f"https://127.0.0.1:{port}", str(certificate), "certificate is not valid for '127.0.0.1'. Use a name"),
            (f"https://127.0.0.1:{port_without_tls}", "", "nothing speaks TLS there. Use http:// in the URL."),
        ):
            monkeypatch.setenv("SSL_CERT_FILE", trusted)
            client = connect(url, retries=10**9)
            with pytest.raises(TlsError) as raised:
                client.health()
            assert reason in raised.value.reason
            assert url in str(raised.value)
            client.close()
