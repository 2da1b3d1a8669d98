"""Health, readiness, and the pages."""

import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.staticfiles import StaticFiles

from tests.support.clients import Client, Server, server_process
from tests.support.contract import content_type, wait_until
from tests.support.data_folder import execute


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_healthy_service(shared_client: Client, path: str) -> None:
    response = shared_client.get(path)
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_stopping_service_is_alive_but_not_ready(client: Client) -> None:
    client.app.state.services.stop_waiting()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_service_without_its_store_is_alive_but_not_ready(client: Client) -> None:
    execute(client.app.state.services.settings.data_dir, "DROP TABLE jobs")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "storage-failed"})
    assert client.get("/healthz").status_code == 200


def test_root_is_a_page(shared_client: Client) -> None:
    assert content_type(shared_client.get("/", follow_redirects=True)) == "text/html"


def test_only_known_assets_reach_the_disk(shared_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up, lookup = [], StaticFiles.lookup_path

    def recording_lookup(self: StaticFiles, path: str) -> Any:
        looked_up.append(path)
        return lookup(self, path)

    monkeypatch.setattr(StaticFiles, "lookup_path", recording_lookup)
    assert shared_client.get("/assets/lab.js").status_code == 200
    for path in ("none.js", "..%2fguard.py", "%2e%2e/%2e%2e/etc/passwd", "views", "lab.js/", "a" * 300, ""):
        assert shared_client.get(f"/assets/{path}").status_code in {200, 404}, path
    assert set(looked_up) <= {"lab.js"}


def test_documentation_loads_only_its_own_assets(server_url: str) -> None:
    page = httpx.get(f"{server_url}/docs")
    assets = re.findall(r"""(?:src|href)=["']([^"'#]+)""", page.text)
    assert content_type(page) == "text/html"
    assert assets
    for asset in assets:
        url = page.url.join(asset)
        assert str(url).startswith(f"{server_url}/")
        assert httpx.get(url).status_code == 200


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
