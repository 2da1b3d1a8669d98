"""The article's findings over HTTP: 200 seeds of each of its experiments."""

from functools import cache
from statistics import mean, median

import httpx
import pytest

from tests.support.contract import Json

SEEDS = range(200)


@cache
def results_of(server_url: str, **settings: str) -> list[Json]:
    """Train 200 seeds and return their results."""
    with httpx.Client(base_url=server_url, timeout=60) as client:
        locations = [client.post("/train", json=settings | {"seed": seed}).headers["location"] for seed in SEEDS]
        jobs = [client.get(location, params={"wait": 30}).json() for location in locations]
    assert {job["status"] for job in jobs} == {"succeeded"}
    assert [job["config"]["seed"] for job in jobs] == list(SEEDS)
    return [job["result"] for job in jobs]


@pytest.mark.parametrize(
    ("settings", "in_range", "earliest", "latest"),
    [({}, 0.95, 6300, 7000), ({"loss": "bce"}, 1, 3100, 3600)],
)
def test_every_seed_learns_the_pattern(
    server_url: str, settings: Json, in_range: float, earliest: int, latest: int
) -> None:
    results = results_of(server_url, **settings)
    assert {result["bits"] for result in results} == {"1010"}
    assert in_range <= mean(result["in_range"] for result in results) <= 1
    settled = [result["settled_at"] for result in results if result["settled_at"] is not None]
    assert earliest <= median(settled) <= latest
    assert len(settled) == sum(result["in_range"] for result in results)


def test_losses_end_near_a_quarter(server_url: str) -> None:
    results = results_of(server_url)
    for name, expected in (
        ("discriminator_real_loss", 0.258),
        ("discriminator_fake_loss", 0.261),
        ("generator_loss", 0.240),
    ):
        assert median(result[name] for result in results) == pytest.approx(expected, abs=0.005)


def test_discriminator_experiment_separates_real_data_from_noise(server_url: str) -> None:
    results = results_of(server_url, experiment="discriminator")
    assert mean(result["real_score"] for result in results) > 0.75
    assert mean(result["fake_score"] for result in results) < 0.3
    for result in results:
        assert all(result[name] is None for name in ("sample", "bits", "in_range", "settled_at", "generator_loss"))
