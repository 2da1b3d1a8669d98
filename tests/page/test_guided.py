"""Guided tour: the start, and the article's steps."""

import re

import pytest
from playwright.sync_api import Page, expect

TOUR = (  # step, its button, a part of its observation
    ("Look at real data", "Draw a sample", "all of them follow 1-0-1-0"),
    ("Test D alone", "Train D against noise", "It can"),
    ("Look at the untrained G", "Make a generator", "knows nothing of 1-0-1-0"),
    ("Train them against each other", "Train the GAN", "meet in the middle"),
    ("Look at the losses", "Play it again", "0.25"),
    ("Sample the trained G", "Go to the end", "mode collapse"),
    ("Watch the pattern evolve", "Play it again", "on, all four"),
)
STEPS = [step for step, *_ in TOUR]


def test_one_click_trains_and_replays_a_gan(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Train a GAN", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".outcome")).to_contain_text("G makes 1010")
    expect(page.get_by_role("heading", name=STEPS[3])).to_be_visible()


def test_tour_leads_through_every_step(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name=STEPS[0]).click()
    for title, button, words in TOUR:
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        page.get_by_role("button", name=button).click()
        expect(page.locator(".seen")).to_contain_text(words)
        page.get_by_role("button", name="On to the lab" if title == STEPS[-1] else "Next step").click()
    expect(page.get_by_role("form", name="Train")).to_be_visible()


def test_tour_starts_untrained_and_returns_to_the_run(page: Page) -> None:
    page.goto("/?step=4")
    page.get_by_role("button", name="Train the GAN").click()
    page.locator(".outcome").get_by_text("G makes").wait_for()
    run = page.evaluate("lab.session.run.job.id")
    page.goto(f"/?job={run}")
    expect(page.get_by_text("Before any training.")).to_be_visible()
    assert page.evaluate("[lab.player.at, lab.player.run.job.id]") == [0, ""]
    page.get_by_role("button", name=STEPS[4]).click()
    expect(page.locator(".seen")).to_contain_text("0.25")
    assert page.evaluate("lab.session.run.job.id") == run


def test_untrained_generator_is_trained_next(page: Page) -> None:
    page.goto("/?step=3")
    page.get_by_role("button", name="Make a generator").click()
    page.locator(".seen").wait_for()
    first = page.evaluate("[...lab.session.run.samples.slice(0, 4)]")
    page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Train the GAN").click()
    page.locator(".outcome").get_by_text("G makes").wait_for()
    assert page.evaluate("[...lab.session.run.samples.slice(0, 4)]") == first


def test_slider_shows_that_g_ignores_its_latent(page: Page) -> None:
    page.goto("/?step=4")
    page.get_by_role("button", name="Train the GAN").click()
    page.locator(".outcome").get_by_text("G makes").wait_for()
    page.get_by_role("button", name=STEPS[5]).click()
    expect(page.get_by_text("It was fed nothing but 0.5")).to_be_visible()
    page.get_by_role("slider", name="Latent").fill("0.9")
    made = page.locator(".sample .cells")
    expect(made).to_have_attribute("aria-label", re.compile("0.9"))
    values = [float(value) for value in re.findall(r"\d\.\d+", made.inner_text())]
    assert values == pytest.approx(page.evaluate("[...lab.player.moment.sample]"), abs=0.06)


def test_reduced_motion_shows_the_end(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    page.get_by_role("button", name="Train a GAN", exact=True).click()
    expect(page.locator(".player .at")).to_have_text("10,000 of 10,000")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
