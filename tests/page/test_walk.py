"""Slow motion in the guided tour: gradients as in PyTorch, weights as in the run, the steps and their code."""

import re
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from gan1010.config import TrainConfig
from gan1010.reference import Reference
from gan1010.types import Float64s
from tests.page.test_layout import RECORD_TEXTS
from tests.support.contract import Json

# Returns the draws and the steps of the first iteration after a snapshot, and the weights some iterations later.
ITERATIONS = """async ([id, row, count]) => {
  const { Run } = await import("/assets/run.js");
  const { drawsOf, Iterations } = await import("/assets/gradients.js");
  const run = await Run.load(id);
  const iterations = new Iterations(run, row);
  const last = iterations.at(count - 1).steps[2];
  const plain = ({ name, loss, D, G, gradients }) => ({ name, loss, D: [...D.weights], G: [...G.weights],
    gradients: { D: [...gradients.D], G: [...gradients.G] } });
  return { draws: drawsOf(run.config, run.patterns, iterations.first), steps: iterations.at(0).steps.map(plain),
    after: { discriminator: [...last.afterD.weights], generator: [...last.afterG.weights] } };
}"""
SETTINGS: dict[str, dict[str, Any]] = {
    "article": {},
    "minimax": {"loss": "minimax", "generator_learning_rate": 0.02, "pattern": "10", "seed": 2**40 + 7},
    "R1": {"r1": 0.3, "latent": "normal", "loss": "bce", "learning_rate": 0.05, "hidden_size": 5},
    "batches": {"batch_size": 3, "discriminator_steps": 2, "pattern": "1010+0101", "latent": "uniform"},
}
STEPS = (  # a part of the sentence, and of the marked lines of the program
    ("a real vector, 4 numbers, goes into D", "discriminator(real_data())"),
    ("target is 1", "loss_function(score, target)"),
    ("back through D", "loss.backward()"),
    ("G stays as it is", "discriminator_optimizer = torch.optim.SGD"),
    ("cuts the way back", "generator(INPUT).detach()"),
    ("target is 0", "loss_function = nn.MSELoss()"),
    ("what detach is for", "optimizer.zero_grad()"),
    ("only D changes", "optimizer.step()"),
    ("G makes its fake again", "fake = generator(INPUT)"),
    ("G wants the opposite", "REAL, FAKE"),
    ("frozen", "loss.backward()"),
    ("only G changes", "generator_optimizer = torch.optim.SGD"),
)
ROW, BETWEEN = 2, 20  # the snapshot to begin at, and the iterations to the next one


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_gradients_and_weights_are_those_of_the_run(page: Page, server_url: str, settings: Json) -> None:
    body = {"seed": 5, "iterations": 4 * BETWEEN, "snapshot_every": BETWEEN, **settings}
    job = httpx.post(f"{server_url}/train", params={"wait": 30}, json=body).raise_for_status().json()
    page.goto("/")
    walked = page.evaluate(ITERATIONS, [job["id"], ROW, BETWEEN])
    config = TrainConfig(**body)
    for step in walked["steps"]:
        loss, gradients = _autograd(config, step, walked["draws"])
        assert step["loss"] == pytest.approx(loss, rel=1e-6)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(step["gradients"][name], gradient, rtol=1e-6, atol=1e-12)
    snapshots = httpx.get(f"{server_url}/jobs/{job['id']}/snapshots", params={"weights": True}).json()
    for name, weights in walked["after"].items():
        np.testing.assert_allclose(weights, snapshots["weights"][name][ROW + 1], rtol=0, atol=3e-6)


def test_walk_shows_each_step_beside_its_code(page: Page, server_url: str, article_run: Json) -> None:
    page.goto(f"/?step=4&job={article_run['id']}")
    page.get_by_role("button", name="One iteration in slow motion").click()
    expect(page.get_by_role("heading", name="Iteration 1 in slow motion")).to_be_focused()
    program = httpx.get(f"{server_url}/jobs/{article_run['id']}/script.py", params={"draws": "same"}).text.splitlines()
    start = page.get_by_role("button", name="At the start")
    expect(start).to_have_attribute("aria-pressed", "true")
    back = page.get_by_role("button", name="Back", exact=True)
    expect(back).to_be_disabled()
    expect(back).to_have_css("opacity", "0.55")  # and looks so
    for number, (sentence, code) in enumerate(STEPS):
        expect(page.locator(".walk-sentence")).to_contain_text(sentence)
        marked = page.locator(".code-line.now")
        lines = {int(row.locator("i").inner_text()): row.locator("code").inner_text() for row in marked.all()}
        assert code in "\n".join(lines.values())
        assert all(program[number - 1] == line for number, line in lines.items())
        place = f"{'abc'[number // 4]} · {('Forward', 'Loss', 'Backward', 'Update')[number % 4]}"
        expect(page.locator("#walk-title")).to_have_text(f"Iteration 1 in slow motion {place}")
        _check_sums(page)
        if number % 4 == 0:
            score = page.locator(".walk-figures dd").first.inner_text()
            expect(page.locator(".walk-sentence")).to_contain_text(f"gives it {score}")
        page.get_by_role("button", name="Next iteration" if number == 11 else "Next", exact=True).click()
    expect(page.get_by_role("heading", name="Iteration 2 in slow motion a · Forward")).to_be_visible()
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.locator(".walk-why")).to_contain_text("9,999 more follow")
    changed = page.locator(".walk-figures div").filter(has_text="Weights and biases changed")
    expect(changed).to_contain_text("22 of 22 in G, 0 in D")
    page.get_by_role("button", name="Whole program").click()
    expect(page.locator(".code-line")).to_have_count(len(program))
    page.get_by_role("button", name="One snapshot forward").click()
    expect(page.get_by_role("heading", name="Iteration 101 in slow motion")).to_be_visible()
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="10 iterations").click()
    expect(page.get_by_role("heading", name="Iteration 111 in slow motion a · Forward")).to_be_visible()
    expect(page.locator(".player .at")).to_have_text("111 of 10,000 iterations")
    expect(page.locator(".walk [aria-pressed=true]")).to_have_count(0)
    page.get_by_role("button", name="Play all 10,000").click()
    expect(page.locator(".outcome")).to_contain_text("G makes 1010")
    page.get_by_role("button", name="One iteration in slow motion").click()
    expect(start).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#stage-title")).to_be_focused()


def test_walk_fits_above_the_player(page: Page, article_run: Json) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.add_init_script(RECORD_TEXTS)
    for at, place in ((0, 1), (4900, 10), (9900, 6), (9900, 12)):
        page.goto(f"/?step=4&job={article_run['id']}&at={at}&walk={place}")
        expect(page.locator(".walk-dots .on")).to_have_count(place)
        expect(page.locator(".code-line.now").first).to_be_in_viewport()
        expect(page.locator(".walk-why")).to_be_visible()
        walk, player = page.locator(".walk").bounding_box(), page.locator(".player").bounding_box()
        assert walk
        assert player
        assert walk["y"] + walk["height"] <= player["y"], (at, place)
        _check_sums(page)
        said = re.findall(r"a distance of ([\d.]+\d)", page.locator(".walk-sentence").inner_text())
        drawn = "[...new Set(drawn.map(({ text }) => text).filter((text) => /^(distance|loss)/.test(text)))]"
        assert place % 4 != 2 or page.evaluate(drawn) == [f"distance {said[0]}"]


def test_walk_says_that_scores_have_met_only_where_they_have(page: Page, article_run: Json) -> None:
    page.goto(f"/?step=4&job={article_run['id']}&at=0&walk=12")
    page.get_by_role("button", name="Next moment: D is ahead").click()
    expect(page.locator(".walk-why")).to_contain_text("ahead here")
    for place in range(1, 9):
        page.get_by_role("button", name=re.compile("^Next( iteration)?$")).click()
        expect(page.locator(".walk-dots .on")).to_have_count((9 + place) % 12 + 1)
    expect(page.locator("#walk-title")).to_contain_text("b · Loss")
    expect(page.locator(".walk-why")).to_have_count(0)
    page.goto(f"/?step=4&job={article_run['id']}&at=9900&walk=12")
    page.get_by_role("button", name="On to the losses").click()
    expect(page.get_by_role("heading", name="Look at the losses")).to_be_focused()


@pytest.mark.parametrize(
    ("settings", "moment", "words"),
    [
        ({}, "At the end", "0.5² = 0.25"),
        ({}, "D is ahead", "while D pulls ahead, its loss falls"),
        ({"loss": "bce"}, "At the end", "ln 0.5 = 0.69"),
        ({"preset": "adam-orbit"}, "At the start", "weights are still random"),
    ],
)
def test_walk_says_why_at_moments_of_the_run(
    page: Page, server_url: str, settings: Json, moment: str, words: str
) -> None:
    job = httpx.post(f"{server_url}/train", params={"wait": 30}, json={"seed": 1010, **settings}).json()
    page.goto(f"/?step=4&job={job['id']}&walk=9&at=5000")
    expect(page.locator(".walk-why")).to_contain_text("G is fed 0.5, as in every iteration")
    page.get_by_role("button", name=moment).click()
    expect(page.locator(".walk-why")).to_contain_text(words)
    expect(page.get_by_role("button", name="10 iterations")).to_have_count(0 if "preset" in settings else 1)


def _check_sums(page: Page) -> None:
    """Check that the squared error and its derivative are right as printed."""
    written = page.locator(".walk-sentence").inner_text() + page.locator(".walk-figures").inner_text()
    for distance, score, loss in re.findall(r"(\(1 . )?([\d.]+)\)?² = (\d\.\d+)", written):
        assert f"{((1 if distance else 0) - float(score)) ** 2:.3f}" == loss, written
    for score, target, slope in re.findall(r"2·\(([\d.]+) . ([01])\) = .?(\d\.\d+)", written):
        assert f"{abs(2 * (float(score) - int(target))):.3f}" == slope, written


def _autograd(config: TrainConfig, step: Json, draws: Json) -> tuple[float, dict[str, Float64s]]:
    """Compute the loss and the gradients of D and G of a step with PyTorch, in double precision."""
    reference = Reference(config)
    networks = {"D": reference.discriminator.double(), "G": reference.generator.double()}
    for name, network in networks.items():
        torch.nn.utils.vector_to_parameters(torch.tensor(step[name], dtype=torch.float64), network.parameters())
    train, inputs = {
        "real": (reference.train_on_real, draws["real"][-1]),
        "fake": (reference.train_on_generated, draws["latents"][-1]),
        "generator": (reference.train_generator, draws["generator"]),
    }[step["name"]]
    loss, _ = train(torch.tensor(inputs, dtype=torch.float64))
    gradients = {
        name: np.concatenate([_gradient(parameter) for parameter in network.parameters()])
        for name, network in networks.items()
    }
    return loss.item(), gradients


def _gradient(parameter: torch.nn.Parameter) -> Float64s:
    gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return gradient.numpy().ravel()
