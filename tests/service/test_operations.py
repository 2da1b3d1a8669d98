"""Health, readiness, and the description's page."""

import re

import httpx
import pytest

from tests.service.clients import Client
from tests.service.contract import content_type


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_service_says_that_it_is_well(shared: Client, path: str) -> None:
    answer = shared.get(path)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_service_that_stops_is_not_ready_but_alive(client: Client) -> None:
    client.app.state.stop_waiting()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_front_door_leads_to_the_description(shared: Client) -> None:
    assert content_type(shared.get("/", follow_redirects=True)) == "text/html"


def test_description_takes_its_assets_from_us(server_url: str) -> None:
    page = httpx.get(f"{server_url}/docs")
    assets = re.findall(r"""(?:src|href)=["']([^"'#]+)""", page.text)
    assert content_type(page) == "text/html"
    assert assets
    for asset in assets:
        url = page.url.join(asset)
        assert str(url).startswith(f"{server_url}/")
        assert httpx.get(url).status_code == 200
