"""Health and readiness."""

from pathlib import Path

from anyio.from_thread import start_blocking_portal

from service.app import create_app
from service.settings import Settings
from tests.support.clients import Client
from tests.support.data_folder import execute


def test_stopping_service_is_alive_but_not_ready(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path).json() == {"status": "ok"}
    client.app.state.services.stop_waiting()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/v2/health/live").json() == {"live": True, "ready": False}
    for path in ("/readyz", "/v2/health/ready"):
        assert client.get(path).status_code == 503


def test_service_without_training_threads_is_alive_but_not_ready(client: Client) -> None:
    client.app.state.services.workers.stop()
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "no-workers"})
    assert client.get("/healthz").status_code == 200


def test_workers_start_when_the_kernel_is_compiled(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    assert not app.state.services.workers.is_alive
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        assert app.state.services.workers.is_alive
    assert not app.state.services.workers.is_alive


def test_service_without_its_store_is_alive_but_not_ready(client: Client) -> None:
    execute(client.app.state.services.settings.data_dir, "DROP TABLE jobs")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "storage-failed"})
    assert client.get("/healthz").status_code == 200
