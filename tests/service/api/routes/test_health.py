"""Health and readiness."""

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


def test_service_without_its_store_is_alive_but_not_ready(client: Client) -> None:
    execute(client.app.state.services.settings.data_dir, "DROP TABLE jobs")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "storage-failed"})
    assert client.get("/healthz").status_code == 200
