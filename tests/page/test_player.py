"""Player: every chart shows its moment, computed from the weights in the page."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import SECONDS
from tests.support.contract import Json

SAMPLE = "[...lab.player.moment.sample]"
PAINTS_IN_30_FRAMES = """(async () => {
  const before = lab.frames.all;
  for (let frame = 0; frame < 30; frame++) await new Promise(requestAnimationFrame);
  return lab.frames.all - before;
})()"""


@pytest.fixture
def lab(page: Page, article_run: Json) -> Page:
    """The lab with the article's run."""
    page.goto(f"/?view=lab&job={article_run['id']}")
    expect(page.locator(".player .at b")).to_have_text("10,000")
    return page


def test_each_snapshot_agrees_with_the_service(lab: Page, server_url: str, article_run: Json) -> None:
    for iteration in (0, 3300, 10_000):
        lab.evaluate(f"lab.player.seek({iteration})")
        expect(lab.locator(".player .at b")).to_have_text(f"{iteration:,}")
        response = httpx.get(
            f"{server_url}/sample", params={"job_id": article_run["id"], "iteration": iteration}
        ).json()
        assert lab.evaluate(SAMPLE) == pytest.approx(response["samples"][0], abs=1e-5)
        moment = f"At iteration {iteration:,}" if iteration else "Before training,"
        expect(lab.locator(".machine .caption")).to_contain_text(f"{moment} G makes")
        expect(lab.locator(".evolution .caption")).to_contain_text(f"At iteration {iteration:,}")


def test_replay_sends_no_requests(lab: Page) -> None:
    requests: list[str] = []
    lab.on("request", lambda request: requests.append(request.url))
    lab.get_by_label("Speed").select_option("4")
    lab.get_by_role("button", name="Play", exact=True).click()
    expect(lab.get_by_role("button", name="Pause")).to_be_visible()
    expect(lab.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert lab.evaluate("lab.player.at") == 10_000
    assert lab.evaluate("lab.frames.count") > 2
    assert [url for url in requests if "/jobs/" in url] == []


def test_keys_move_the_moment(lab: Page) -> None:
    for key, iteration in (
        ("ArrowLeft", 9900),
        ("Home", 0),
        ("ArrowRight", 100),
        ("ArrowRight", 200),
        ("Home", 0),
        ("Shift+ArrowRight", 1000),
        ("ArrowLeft", 900),
        ("End", 10_000),
    ):
        lab.keyboard.press(key)
        expect(lab.locator(".player .at b")).to_have_text(f"{iteration:,}")
        expect(lab.get_by_role("button", name="To the start")).to_be_enabled(enabled=iteration > 0)
        expect(lab.get_by_role("button", name="One snapshot forward")).to_be_enabled(enabled=iteration < 10_000)


def test_space_plays_and_pauses(lab: Page) -> None:
    lab.keyboard.press("Space")
    expect(lab.get_by_role("button", name="Pause")).to_be_visible()
    lab.keyboard.press("Space")
    expect(lab.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_question_mark_opens_the_list_of_keys(lab: Page) -> None:
    lab.keyboard.press("?")
    expect(lab.get_by_role("dialog", name="Keys")).to_be_visible()
    lab.keyboard.press("Escape")
    expect(lab.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_idle_page_paints_nothing(lab: Page) -> None:
    for view in ("lab", "guided"):
        lab.evaluate(f"history.pushState(null, '', '?view={view}&step=4&job=' + lab.session.run.job.id)")
        lab.reload(wait_until="networkidle")
        deadline = time.monotonic() + SECONDS
        while lab.evaluate(PAINTS_IN_30_FRAMES) > 2:
            assert time.monotonic() < deadline


def test_click_in_the_evolution_seeks(lab: Page) -> None:
    canvas = lab.locator(".evolution canvas")
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] / 2, "y": box["height"] * 0.75})
    assert lab.evaluate("lab.player.at") == pytest.approx(5000, abs=600)


def test_hover_is_shared_by_all_charts(lab: Page) -> None:
    box = lab.locator(".losses .u-over").bounding_box()
    assert box
    lab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(lab.locator(".losses .caption")).to_contain_text(re.compile(r"Around iteration (4,9|5,0)\d\d"))
    assert lab.evaluate("lab.player.hover") == pytest.approx(5000, abs=300)


def test_drag_over_the_losses_zooms(lab: Page) -> None:
    box = lab.locator(".losses .u-over").bounding_box()
    assert box
    lab.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 20)
    lab.mouse.down()
    lab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
    lab.mouse.up()
    lab.wait_for_url("**zoom=*")
    lab.get_by_role("button", name="Whole run").click()
    expect(lab.get_by_role("button", name="Whole run")).to_have_count(0)


def test_keys_do_nothing_without_a_player(lab: Page) -> None:
    lab.get_by_role("link", name="Compare", exact=True).click()
    expect(lab.get_by_role("heading", name="Compare", level=1)).to_be_visible()
    lab.keyboard.press("Home")
    assert lab.evaluate("lab.player.at") == 10_000
    assert "at=" not in lab.url


def test_each_unit_and_line_of_the_networks_shows_its_value(lab: Page, article_run: Json, server_url: str) -> None:
    kept = httpx.get(f"{server_url}/jobs/{article_run['id']}/snapshots", params={"weights": True}).json()
    first, unit = kept["weights"]["generator"][-1][0], lab.evaluate("lab.player.moment.G.hidden[1]")
    networks, said = lab.locator(".machine canvas"), lab.locator(".machine [aria-live]")
    networks.focus()
    lab.keyboard.press("ArrowDown")
    expect(said).to_have_text("Latent: 0.50")
    lab.keyboard.press("ArrowRight")
    expect(said).to_have_text(re.compile(rf"Weight, Latent .+ hidden unit 1: .?{abs(first):.2f}$"))
    for key in ("ArrowRight", "ArrowDown"):
        lab.keyboard.press(key)
    expect(said).to_have_text(re.compile(rf"G.s hidden unit 2: {unit:.2f}$"))
    box = networks.bounding_box()
    assert box
    seen = set()
    for share in range(60, 90, 3):  # down the column of the latent
        lab.mouse.move(box["x"] + box["width"] * 0.055, box["y"] + box["height"] * share / 100)
        lab.evaluate("new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
        seen.add(said.inner_text())
    assert seen == {"", "Latent: 0.50"}
    assert lab.evaluate("lab.player.at") == 10_000


def test_axes_change_between_linear_and_logarithmic(lab: Page) -> None:
    for name in ("log x", "log y", "log x", "log y"):
        lab.get_by_role("button", name=name).click()
        lab.evaluate("new Promise(requestAnimationFrame)")  # a script error would fail the test
    expect(lab.locator(".losses [aria-pressed=true]")).to_have_count(0)
