"""Fixtures of several modules: servers, clients, and trained jobs."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from tests.support.clients import Client, Server, app_client, running_server
from tests.support.contract import Json, train

settings.register_profile("gan1010", deadline=None)  # tests may run on a busy machine
settings.load_profile("gan1010")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the container's tests first: they take longest, and mostly wait."""
    items.sort(key=lambda item: item.path.name != "test_container.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail skipped tests if TEST_SKIP_NOTHING is set, on machines that have everything."""
    report = yield
    if report.skipped and os.environ.get("TEST_SKIP_NOTHING"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process, which must stop cleanly."""
    with running_server(tmp_path_factory.mktemp("server"), fresh=True) as (server, _):
        yield server


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    """The server's URL."""
    return server.url


@pytest.fixture(scope="session")
def server_client(server_url: str) -> Iterator[httpx.Client]:
    """A client of the server."""
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client


@pytest.fixture(autouse=True)
def _cancel_unfinished_jobs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Cancel the jobs that a test leaves unfinished on the shared server."""
    client = request.getfixturevalue("server_client") if "server_url" in request.fixturenames else None
    yield
    for status in ("queued", "running", "paused") if client else ():
        for job in client.get("/jobs", params={"status": status}).json()["data"]:
            client.post(f"/jobs/{job['id']}/cancel")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of a new application in this process."""
    with app_client(tmp_path / "data", workers=1) as client:
        yield client


@pytest.fixture(scope="session")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an application that tests share: they may look only at jobs that they name."""
    with app_client(tmp_path_factory.mktemp("shared"), workers=2) as client:
        yield client


@pytest.fixture(scope="session")
def article_job(shared_client: Client) -> Json:
    """A finished job with the article's configuration."""
    return train(shared_client, seed=4)


@pytest.fixture(scope="session")
def discriminator_job(shared_client: Client) -> Json:
    """A finished job of the article's discriminator experiment."""
    return train(shared_client, experiment="discriminator", seed=4)
