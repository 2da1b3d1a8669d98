"""What tests of several modules need: a service to talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.service.clients import Client, in_process, serving

settings.register_profile("gan1010", deadline=None)  # a busy machine is no failure
settings.load_profile("gan1010")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real `python -m service`, which must end cleanly when all is done."""
    with serving(tmp_path_factory.mktemp("server")) as (_, client):
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of a fresh application in this process."""
    with in_process(tmp_path / "data", workers=1) as client:
        yield client


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an application that tests share: for those that ask about jobs of their own only."""
    with in_process(tmp_path_factory.mktemp("shared"), workers=2) as client:
        yield client
