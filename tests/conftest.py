"""What tests of several modules need: a service to talk to, and a browser."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from tests.support.browser import CHROMIUM, launch_browser
from tests.support.clients import Client, Server, app_client, running_server
from tests.support.contract import Json, train

settings.register_profile("gan1010", deadline=None)  # a busy machine is no failure
settings.load_profile("gan1010")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the container: it takes longest, and whoever has it mostly waits."""
    items.sort(key=lambda item: item.path.name != "test_container.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where all is there that any test needs, a test that is skipped has failed."""
    report = yield
    if report.skipped and os.environ.get("GAN1010_SKIP_NOTHING"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real `python -m service`, which must end cleanly when all is done."""
    with running_server(tmp_path_factory.mktemp("server"), fresh=True) as (server, _):
        yield server


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    """Its address."""
    return server.url


@pytest.fixture(autouse=True)
def _nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test leaves unfinished at the real server, having failed perhaps, is in no other's way."""
    url = request.getfixturevalue("server_url") if "server_url" in request.fixturenames else None
    yield
    if url:
        with httpx.Client(base_url=url, timeout=60) as client:
            for status in ("queued", "running", "paused"):
                for job in client.get("/jobs", params={"status": status}).json()["data"]:
                    client.post(f"/jobs/{job['id']}/cancel")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of a fresh application in this process."""
    with app_client(tmp_path / "data", workers=1) as client:
        yield client


@pytest.fixture(scope="session")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an application that tests share: for those that ask about jobs of their own only."""
    with app_client(tmp_path_factory.mktemp("shared"), workers=2) as client:
        yield client


@pytest.fixture(scope="session")
def article_job(shared_client: Client) -> Json:
    """The article's run."""
    return train(shared_client, seed=4)


@pytest.fixture(scope="session")
def discriminator_job(shared_client: Client) -> Json:
    """The article's run of the discriminator alone."""
    return train(shared_client, experiment="discriminator", seed=4)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of pages; without one on the machine they are skipped."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with launch_browser() as browser:
        yield browser
