"""Jobs that many tests look at and none changes."""

import pytest

from tests.support.clients import Client
from tests.support.contract import Json, train


@pytest.fixture(scope="session")
def article(shared: Client) -> Json:
    """The article's run."""
    return train(shared, seed=4)


@pytest.fixture(scope="session")
def alone(shared: Client) -> Json:
    """The article's run of the discriminator alone."""
    return train(shared, experiment="discriminator", seed=4)
