"""Guided tour: the start, and the article's steps."""

import functools
import math
import re
from statistics import fmean

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import wait_for_js
from tests.support.contract import Json

TOUR = (  # step, its button, a part of its observation
    ("Look at real data", "Draw a sample", "It follows 1010"),
    ("Test D alone", "Train a new D against noise", "It can"),
    ("Look at the untrained G", "Make your own G", "knows nothing of 1010"),
    ("Train G against D", "Train the GAN", "Over the last 1,000 iterations"),
    ("Look at the losses", "Play it again", "0.25"),
    ("Sample the trained G", "Feed G a random number", "mode collapse"),
    ("Watch the pattern evolve", "Play it again", "You have seen all of the article"),
)
STEPS = [step for step, *_ in TOUR]
MINUS = "\N{MINUS SIGN}"


def test_one_click_trains_and_replays_a_gan(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Train a GAN now").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("heading", name=STEPS[3])).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(".outcome")).to_contain_text("G makes 1010")


def test_results_are_told_when_the_replay_has_ended(page: Page, article_run: Json) -> None:
    page.goto(f"/?step=5&job={article_run['id']}")
    expect(page.locator(".seen")).to_contain_text("Losses of the last 1,000 iterations")
    for step, watch, result in (
        (5, "when the lines part", "Losses of the last"),
        (7, "0.8 to 1 for a 1", "From iteration"),
    ):
        page.get_by_role("button", name=STEPS[step - 1]).click()
        page.get_by_role("button", name="Play it again").click()
        expect(page.locator(".seen")).to_contain_text(watch)
        page.keyboard.press("End")
        expect(page.locator(".seen")).to_contain_text(result)
        expect(page.locator(".seen")).not_to_contain_text(watch)


def test_tour_leads_through_every_step(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Start", exact=True).click()
    for title, button, words in TOUR:
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        page.get_by_role("button", name=button).click()
        page.keyboard.press("End")
        expect(page.locator(".seen")).to_contain_text(words)
        page.get_by_role("button", name="On to the lab" if title == STEPS[-1] else "Next step").click()
    expect(page.get_by_role("form", name="Train")).to_be_visible()


RUNS: dict[str, Json] = {
    "settled": {},
    "never settles": {"seed": 61},
    "another pattern": {"pattern": "110010"},
    "two patterns": {"preset": "two-patterns", "seed": 111, "batch_size": 8},
    "cross-entropy": {"preset": "article-bce"},
    "minimax": {"loss": "minimax"},
    "three steps of D": {"discriminator_steps": 3},
    "worse than guessing": {"learning_rate": 10, "loss": "bce", "r1": 100},
    "no G": {"preset": "discriminator-alone"},
    "diverged": {},
}


def test_learn_says_of_each_run_only_what_is_true(page: Page, server_url: str) -> None:
    alone = httpx.post(f"{server_url}/train?wait=9", json={"preset": "discriminator-alone", "iterations": 2}).json()
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    for kind, settings in RUNS.items():
        job = httpx.post(f"{server_url}/train?wait=9", json={"seed": 1010, **settings}).json()
        if kind == "diverged":  # no settings are known that diverge
            error = {"type": "diverged", "detail": "It diverged."}
            told = job | {"status": "failed", "result": None, "error": error}
            page.route(f"**/jobs/{job['id']}", functools.partial(Route.fulfill, json=told))
        seen = _walk(page, job["id"], alone["id"])
        spelled = job["config"]["pattern"].replace("+", " or ")
        assert spelled in seen[1]
        assert "has not learned it" in seen[2]
        if kind == "no G":
            assert list(seen) == [1, 2]
            continue
        assert seen[3].endswith(f"of {spelled} yet.")
        if kind == "diverged":
            assert all("The training diverged" in seen[step] for step in (4, 5, 6, 7))
            continue
        result, points = job["result"], httpx.get(f"{server_url}/jobs/{job['id']}/progress").json()["series"]
        real, fake = result["real_score"], result["fake_score"]
        assert f"mean score is {real:.2f} for real data and {fake:.2f} for fakes" in seen[4]
        assert ("Nor could it before" in seen[4]) <= ("met" in seen[4] and bool(result["settled_at"]))
        assert ("Nor could it before" in seen[4]) or kind != "settled"
        assert ("have met" in seen[4]) == (f"{real:.2f}" == f"{fake:.2f}")
        assert ("have nearly met" in seen[4]) == (0.005 < abs(real - fake) < 0.1 and "have met" not in seen[4])
        guess = 0.25 if job["config"]["loss"] == "mse" else math.log(2)
        guess_of_g = -guess if job["config"]["loss"] == "minimax" else guess
        losses = ("discriminator_real_loss", "discriminator_fake_loss", "generator_loss")
        guesses = dict(zip(losses, (guess, guess, guess_of_g), strict=True))
        said = "{:.3f} on real data, {:.3f} on fakes and {:.3f} for G".format(*(result[x] for x in losses))
        assert said.replace("-", MINUS) in seen[5]
        assert (f"s is {MINUS}{guess:.2f}" in seen[5]) == (guess_of_g < 0)
        near = all(abs(result[loss] / guesses[loss] - 1) < 0.1 for loss in losses)
        began_near = all(abs(points[loss][0] / guesses[loss] - 1) < 0.1 for loss in losses)
        assert ("come close" in seen[5], "no proof" in seen[5]) == (near, near)
        began = "started near it, too (unsmoothed: {:.3f}, {:.3f}, {:.3f})".format(
            *(points[loss][0] for loss in losses)
        )
        assert (began in seen[5]) == ("started" in seen[5]) == (near and began_near)
        if hump := re.search(r"furthest apart around iteration ([\d,]+);", seen[5]):
            ahead = _mean_losses(points, int(hump[1].replace(",", "")))
            assert ahead["generator_loss"] > guess_of_g
            assert guess > (ahead[losses[0]] + ahead[losses[1]]) / 2
        assert hump or kind != "settled"
        assert ("has not learned" in seen[6]) == (result["bits"] not in job["config"]["pattern"])
        assert ("Fed the same 0.5 every time" in seen[6]) == (kind != "two patterns")
        assert ("right bits, though not every value" in seen[7]) == (kind == "never settles")
        at = result["settled_at"]
        assert ("From iteration" in seen[7]) == bool(at)
        assert not at or f"From iteration {at:,} on" in seen[7]


def _walk(page: Page, job: str, alone: str) -> dict[int, str]:
    """Go through all steps with a run, and return what is observed in each."""
    seen = {}
    address = f"?step=1&job={job}&alone={alone}"
    page.evaluate(f"history.pushState(null, '', '{address}'); dispatchEvent(new PopStateEvent('popstate'))")
    page.get_by_role("button", name="Draw").click()
    for step in range(1, 8):
        page.locator(".steps button").nth(step - 1).click()
        expect(page.get_by_text(f"Step {step} of 7")).to_be_visible()
        opened = alone if step == 2 else job
        wait_for_js(page, f"!lab.player.run?.job.id || lab.player.run.job.id === '{opened}'")
        if step == 6 and opened == job and (feed := page.get_by_role("button", name="Feed")).count():
            feed.click()
            page.locator(".seen").wait_for()
        text = page.locator("#main").inner_text()
        assert not re.search(r"\{|NaN|undefined", text), text
        if page.locator(".seen").count():
            seen[step] = page.locator(".seen").inner_text()
    return seen


def _mean_losses(points: Json, at: int) -> dict[str, float]:
    """Return the mean of each loss over the twentieth of the run around an iteration."""
    place = points["iteration"].index(at)
    reach = len(points["iteration"]) // 40
    return {name: fmean(values[max(place - reach, 0) : place + reach + 1]) for name, values in points.items()}


def test_steps_before_the_training_show_untrained_networks(page: Page) -> None:
    page.goto("/?step=2")
    expect(page.locator(".stage")).to_contain_text("D gives real data")
    assert page.evaluate("lab.player.run.hasGenerator") is False
    page.get_by_role("button", name=STEPS[2]).click()
    page.get_by_role("button", name="Make your own G").click()
    page.locator(".seen").wait_for()
    page.get_by_role("button", name="Next step").click()
    expect(page.get_by_role("heading", name=STEPS[3])).to_be_focused()
    for step in STEPS[3:]:
        page.get_by_role("button", name=step).click()
        expect(page.get_by_role("heading", name=step)).to_be_visible()
        page.keyboard.press("End")
        expect(page.locator(".outcome, .seen, .player")).to_have_count(0)
        assert page.evaluate("lab.player.at") == 0


def test_tour_starts_untrained_and_returns_to_the_run(page: Page) -> None:
    page.goto("/?step=4")
    page.get_by_role("button", name="Train the GAN").click()
    page.keyboard.press("End")
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
    page.get_by_role("button", name="Make your own G").click()
    page.locator(".seen").wait_for()
    first = page.evaluate("[...lab.session.run.samples.slice(0, 4)]")
    page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Train the GAN").click()
    page.keyboard.press("End")
    page.locator(".outcome").get_by_text("G makes").wait_for()
    assert page.evaluate("[...lab.session.run.samples.slice(0, 4)]") == first


def test_slider_shows_that_g_ignores_its_latent(page: Page) -> None:
    page.goto("/?step=4")
    page.get_by_role("button", name="Train the GAN").click()
    page.keyboard.press("End")
    page.locator(".outcome").get_by_text("G makes").wait_for()
    page.get_by_role("button", name=STEPS[5]).click()
    expect(page.locator(".seen")).to_have_count(0)
    page.get_by_role("slider", name="Latent").fill("0.9")
    expect(page.get_by_text("Fed the same 0.5 every time")).to_be_visible()
    made = page.locator(".sample .cells")
    expect(made).to_have_attribute("aria-label", re.compile("0.9"))
    values = [float(value) for value in re.findall(r"\d\.\d+", made.inner_text())]
    assert values == pytest.approx(page.evaluate("[...lab.player.moment.sample]"), abs=0.06)


def test_reduced_motion_shows_the_end(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    page.get_by_role("button", name="Train a GAN now").click()
    expect(page.locator(".player .at")).to_have_text("10,000 of 10,000 iterations")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_steps_show_the_moment_that_they_speak_of(page: Page, article_run: Json) -> None:
    page.goto(f"/?step=4&job={article_run['id']}&at=0")
    page.get_by_role("button", name=STEPS[5]).click()
    wait_for_js(page, "lab.player.at === 10000 && !lab.player.playing")
    for step in (STEPS[4], STEPS[6]):
        page.get_by_role("button", name=step).click()
        wait_for_js(page, "lab.player.playing && lab.player.at < 9000")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name=STEPS[4]).click()
    wait_for_js(page, "lab.player.at === 10000 && !lab.player.playing")


@pytest.mark.parametrize(("language", "width", "height"), [("en", 1280, 720), ("zh", 1024, 768)])
def test_each_step_fits_above_the_player(
    page: Page, article_run: Json, server_url: str, language: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    settings = {"preset": "discriminator-alone", "seed": 1010}
    alone = httpx.post(f"{server_url}/train?wait=9", json=settings).json()["id"]
    for step in range(1, 8):
        page.goto(f"/?step={step}&job={article_run['id']}&alone={alone}&feed=0.3&lang={language}")
        page.locator(".stage canvas, .stage .plot canvas").first.wait_for()
        if step == 1:
            page.locator(".step-text button").first.click()
        page.locator(".seen").wait_for()
        expect(page.locator(".evolution h3")).to_have_count(int(step in (4, 7)))
        bottom = page.locator(".stage").evaluate("stage => stage.getBoundingClientRect().bottom")
        assert bottom <= (height if step in (1, 3) else page.locator(".player").bounding_box()["y"]), step  # type: ignore[index]
        text, pictures = (page.locator(of).bounding_box() for of in (".seen", ".stage-pictures"))
        assert text
        assert pictures
        assert text["x"] + text["width"] <= pictures["x"]


def test_small_windows_keep_room_for_the_pictures(page: Page, article_run: Json) -> None:
    page.set_viewport_size({"width": 640, "height": 360})
    page.goto(f"/?step=5&job={article_run['id']}")
    page.locator(".seen").wait_for()
    top = "(of) => document.querySelector(of).getBoundingClientRect().top"
    assert page.evaluate(top, ".seen") > page.evaluate(top, ".losses")  # a long text is below its picture
    page.mouse.wheel(0, 300)
    wait_for_js(page, "scrollY > 200")
    assert page.locator("header").bounding_box()["y"] <= -200  # type: ignore[index]
    assert page.locator(".player").bounding_box()["height"] < 60  # type: ignore[index]
    page.goto(f"/?step=4&job={article_run['id']}&walk=6&at=0")
    expect(page.locator(".walk-sentence")).to_be_visible()
    expect(page.locator(".player")).to_be_hidden()


def test_phones_show_what_was_pressed_then_its_result_and_the_way_on(page: Page) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto("/?step=4")
    page.get_by_role("button", name="Train the GAN").click()
    wait_for_js(page, "lab.player.playing && lab.player.at > 0")
    expect(page.locator(".machine canvas")).to_be_in_viewport(ratio=0.9)
    top = "(of) => document.querySelector(of).getBoundingClientRect().top"
    assert page.evaluate(top, ".evolution") < page.evaluate(top, ".seen") < page.evaluate(top, ".next.below")
    page.get_by_role("button", name="Next step").click()  # there is one
    expect(page.get_by_role("heading", name=STEPS[4])).to_be_in_viewport()


def test_replay_waits_until_its_picture_is_in_the_window(page: Page, article_run: Json) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto(f"/?step=4&job={article_run['id']}")
    page.get_by_role("button", name=STEPS[4]).click()
    wait_for_js(page, "lab.player.at === 0")
    page.locator(".losses .plot").scroll_into_view_if_needed()
    page.mouse.wheel(0, 400)
    wait_for_js(page, "lab.player.playing")
