"""Connections to a Dask scheduler: what does not fit is said at start, with what would be right."""

import socket
import subprocess
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import pytest

from service.jobs.scheduler import CLOSED, EXTRA, NO_SCHEDULER, NO_TLS, NOT_STARTED, TLS, VERSIONS
from tests.support.clients import free_port, running_server, server_process
from tests.support.contract import run_sweep, wait_until
from tests.support.dask_cluster import DaskCluster
from tests.support.server_setup import hide_dask, refresh_dask, shorten_cluster_timeouts


def have_another_version() -> None:
    """Report another version of Dask than the installed one."""
    from distributed import versions

    installed = versions._version_cached
    versions._version_cached = lambda package: "2024.1.0" if package == "distributed" else installed(package)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A certificate of an authority, its key, and another authority, by name."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl("req", *new_key, "-subj", "/CN=cluster", "-keyout", "key.pem", "-out", "request.pem")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "cert.pem")
    return {file.name: file for file in folder.iterdir()}


@pytest.fixture(scope="module")
def clusters(
    tmp_path_factory: pytest.TempPathFactory, certificates: dict[str, Path]
) -> Iterator[dict[str, DaskCluster]]:
    """Schedulers without TLS, with it, and of another version."""
    folder = tmp_path_factory.mktemp("schedulers")
    files = {"--tls-ca-file": "ca.pem", "--tls-cert": "cert.pem", "--tls-key": "key.pem"}
    security = [word for flag, name in files.items() for word in (flag, str(certificates[name]))]
    clusters = {
        "tcp": DaskCluster(folder / "tcp"),
        "tls": DaskCluster(folder / "tls", *security),
        "other version": DaskCluster(folder / "other", setup=have_another_version),
    }
    yield clusters
    for cluster in clusters.values():
        cluster.close()


def tls_variables(certificates: dict[str, Path], authority: str = "ca.pem") -> dict[str, str]:
    """The variables in which the service finds its certificates."""
    files = {"CA_FILE": authority, "CLIENT__CERT": "cert.pem", "CLIENT__KEY": "key.pem"}
    return {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(certificates[file]) for name, file in files.items()}


@pytest.mark.parametrize(
    ("scheduler", "scheme", "authority", "message"),
    [
        ("other version", "tcp", None, VERSIONS.format("2024.1.0", version("distributed"))),
        ("tcp", "tls", "ca.pem", NO_TLS),
        ("tls", "tls", None, TLS.format("no certificates are configured")),
        ("tls", "tls", "other.pem", "certificate verify failed"),
    ],
)
def test_service_does_not_start_with_a_scheduler_that_does_not_fit(
    tmp_path: Path,
    clusters: dict[str, DaskCluster],
    certificates: dict[str, Path],
    scheduler: str,
    scheme: str,
    authority: str | None,
    message: str,
) -> None:
    address = clusters[scheduler].address.replace("tcp", scheme)
    variables = tls_variables(certificates, authority) if authority else {}
    with server_process(tmp_path, "--scheduler", address, setup=refresh_dask, **variables) as server:
        assert server.wait(60) == 4
    (line,) = server.log
    assert "ERROR   gan1010 cannot start: " in line
    assert message in line


def test_sweep_trains_on_a_cluster_with_tls(
    tmp_path: Path, clusters: dict[str, DaskCluster], certificates: dict[str, Path]
) -> None:
    cluster = clusters["tls"]
    cluster.start_workers()
    flags, variables = ("--scheduler", cluster.address), tls_variables(certificates)
    with running_server(tmp_path, *flags, setup=refresh_dask, **variables) as (_, client):
        wait_until(lambda: client.get("/cluster").json()["threads"])
        assert run_sweep(client, base={"iterations": 200}, seeds=100)["status"] == "succeeded"


@pytest.mark.parametrize("peer", ["nothing", "silence", "a web server", "a scheduler with TLS"])
def test_service_starts_without_a_scheduler_that_does_not_respond(
    tmp_path: Path, clusters: dict[str, DaskCluster], peer: str
) -> None:
    message = {"nothing": NOT_STARTED, "a scheduler with TLS": CLOSED}.get(peer, NO_SCHEDULER)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as web,
    ):
        Thread(target=web.serve_forever, daemon=True).start()
        ports = {"nothing": free_port(), "silence": silent.getsockname()[1], "a web server": web.server_port}
        address = f"tcp://127.0.0.1:{ports[peer]}" if peer in ports else clusters["tls"].address.replace("tls", "tcp")
        flags = ("--scheduler", address, "--workers", "1")
        with running_server(tmp_path, *flags, setup=shorten_cluster_timeouts) as (server, client):
            status = client.get("/cluster").json()
            assert (status["connected"], status["detail"]) == (False, message)
            assert run_sweep(client, base={"iterations": 20}, seeds=10)["status"] == "succeeded"
        web.shutdown()
    assert any("WARNING" in line and message in line for line in server.log)
    assert not any("Traceback" in line for line in server.log)


def test_extra_that_is_not_installed_is_named_and_needed_for_a_scheduler_only(tmp_path: Path) -> None:
    with server_process(tmp_path, "--scheduler", "tcp://127.0.0.1:8786", setup=hide_dask) as server:
        assert server.wait(60) == 4
    (line,) = server.log
    assert EXTRA in line
    with running_server(tmp_path, setup=hide_dask) as (_, client):
        assert run_sweep(client, base={"iterations": 20}, seeds=10)["status"] == "succeeded"
        status = client.get("/cluster").json()
        assert (status["scheduler"], status["connected"], status["workers"]) == (None, False, [])
