"""`gan1010 verify`: a job, or settings, with both backends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gan1010.compiled import kernel
from tests.service.cli.commands import invoke, output_of

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
