"""Health and readiness."""

import signal
from pathlib import Path

from tests.support.clients import Client, Server, server_process
from tests.support.contract import wait_until
from tests.support.data_folder import execute


def test_stopping_service_is_alive_but_not_ready(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path).json() == {"status": "ok"}
    client.app.state.services.stop_waiting()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/v2/health/live").json() == {"live": True, "ready": False}
    for path in ("/readyz", "/v2/health/ready"):
        assert client.get(path).status_code == 503


def test_service_without_its_store_is_alive_but_not_ready(client: Client) -> None:
    execute(client.app.state.services.settings.data_dir, "DROP TABLE jobs")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "storage-failed"})
    assert client.get("/healthz").status_code == 200


def test_sigterm_during_the_start_exits_cleanly(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", fresh=True) as server:
        wait_until(lambda: _catches(server, signal.SIGTERM))
        assert not (tmp_path / "data").exists()  # the process is still importing
        assert server.stop() == 0
    assert server.log == []


def _catches(server: Server, number: int) -> bool:
    """Return True if the process has a handler for a signal."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)
