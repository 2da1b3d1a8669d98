"""`gan1010 verify`: a job, or settings, with both backends."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gan1010.compiled import kernel
from tests.service.cli.commands import invoke, output_of
from tests.support.contract import Json

SABOTAGES: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "sign": lambda plan, draws: (plan._replace(generator_learning_rate=-plan.generator_learning_rate), draws),
    "rate": lambda plan, draws: (plan._replace(learning_rate=1.01 * plan.learning_rate), draws),
    "stream": lambda plan, draws: (plan, draws._replace(latent=draws.generator_latent)),
}


def test_settings_are_verified_without_a_service() -> None:
    verified = invoke("verify", "--local", "--seed", 3, "--iterations", 120)
    assert verified.exit_code == 0, verified.output
    assert "120/120 in" in verified.stderr
    assert "They agree" in verified.stdout
    figures = json.loads(output_of("verify", "--local", "--preset", "adam-orbit", "--iterations", 60, "--json"))
    assert (figures["agrees"], figures["iterations"], figures["checked_iterations"]) == (True, 60, 60)


def test_job_is_trained_again_with_the_other_backend(server_url: str) -> None:
    body = {"seed": 3, "iterations": 60, "name": "to verify"}
    job = httpx.post(f"{server_url}/train", json=body).json()  # may still run
    verified = invoke("verify", job["id"], url=server_url)
    assert verified.exit_code == 0, verified.output
    assert re.search(rf"^Compiled +{job['id']}  .+s *$", verified.stdout, re.MULTILINE)
    id = re.search(r"^PyTorch +(\w+)  .+s: [\d,]+ times as long *$", verified.stdout, re.MULTILINE)[1]  # type: ignore[index]
    assert "They agree" in verified.stdout
    again = httpx.get(f"{server_url}/jobs/{id}").json()
    assert (again["name"], again["config"]["backend"]) == ("to verify, in PyTorch", "pytorch")
    figures = json.loads(output_of("verify", id, "--json", url=server_url))
    assert figures["jobs"]["pytorch"] == id
    assert figures["agrees"]
    assert figures["ratio"] == figures["pytorch_seconds"] / figures["compiled_seconds"]


@pytest.mark.parametrize(
    ("path", "body", "action", "message"),
    [
        ("sweeps", {"base": {"iterations": 10}, "seeds": 1}, "", "is a sweep. Name a training"),
        ("train", {"iterations": 10_000_000}, "pause", "is paused. Resume it with gan1010 resume"),
        ("train", {"iterations": 10_000_000}, "cancel", "is cancelled. Name one that has succeeded"),
    ],
    ids=["sweep", "paused", "cancelled"],
)
def test_jobs_that_cannot_be_verified_are_named(
    server_url: str, path: str, body: Json, action: str, message: str
) -> None:
    job = httpx.post(f"{server_url}/{path}", json=body).json()["id"]
    if action:
        httpx.post(f"{server_url}/jobs/{job}/{action}", timeout=30).raise_for_status()
    verified = invoke("verify", job, url=server_url)
    assert verified.exit_code == 1
    assert message in verified.stderr
    httpx.post(f"{server_url}/jobs/{job}/cancel", timeout=30)


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_kernel_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = kernel.advance

    def sabotaged(plan: Any, state: Any, draws: Any, *others: Any) -> None:
        plan, draws = SABOTAGES[name](plan, draws)
        advance(plan, state, draws, *others)

    monkeypatch.setattr(kernel, "advance", sabotaged)
    verified = invoke("verify", "--local", "--seed", 3, "--iterations", 500, "--latent", "uniform")
    assert verified.exit_code == 1, verified.output
    assert "They do not agree: losses differ by up to" in verified.stdout
    assert "first at iteration 5" in verified.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--iterations", 5], "--iterations needs --local"),
        (["--local", "job"], "--local verifies settings, not a job"),
        (["--local", "--learning-rate", 0], "--learning-rate must be greater than 0"),
    ],
    ids=str,
)
def test_unusable_options_are_named(arguments: list[object], message: str) -> None:
    verified = invoke("verify", *arguments)
    assert verified.exit_code == 2
    assert message in verified.stderr
