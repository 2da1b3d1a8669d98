"""Travel in time: every view shows the moment that the player is at, from weights that the page has."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.contract import Json

SHOWN = "[...lab.player.moment.sample]"


@pytest.fixture
def lab(page: Page, trained: Json) -> Page:
    """The lab with the article's run."""
    page.goto(f"/?view=lab&job={trained['id']}")
    expect(page.locator(".player .at b")).to_have_text("10,000")
    return page


def test_each_kept_moment_is_drawn_as_the_service_has_it(lab: Page, server_url: str, trained: Json) -> None:
    for iteration in (0, 3300, 10_000):
        lab.evaluate(f"lab.player.seek({iteration})")
        expect(lab.locator(".player .at b")).to_have_text(f"{iteration:,}")
        answer = httpx.get(f"{server_url}/sample", params={"job_id": trained["id"], "iteration": iteration}).json()
        assert lab.evaluate(SHOWN) == pytest.approx(answer["samples"][0], abs=1e-5)
        expect(lab.locator(".machine .caption")).to_contain_text(f"At iteration {iteration:,} G makes")
        expect(lab.locator(".evolution .caption")).to_contain_text(f"At iteration {iteration:,}")


def test_replay_moves_on_by_itself_and_asks_the_service_for_nothing(lab: Page) -> None:
    asked: list[str] = []
    lab.on("request", lambda request: asked.append(request.url))

    lab.get_by_label("Speed").select_option("4")
    lab.get_by_role("button", name="Play", exact=True).click()

    expect(lab.get_by_role("button", name="Pause")).to_be_visible()
    expect(lab.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert lab.evaluate("lab.player.at") == 10_000
    assert lab.evaluate("lab.frames.count") > 2
    assert [url for url in asked if "/jobs/" in url] == []


@pytest.mark.parametrize(
    ("keys", "iteration"),
    [
        (["Home"], 0),
        (["ArrowLeft"], 9900),
        (["Home", "ArrowRight", "ArrowRight"], 200),
        (["Home", "Shift+ArrowRight"], 1000),
        (["Home", "Shift+ArrowRight", "ArrowLeft", "End"], 10_000),
    ],
)
def test_keys(lab: Page, keys: list[str], iteration: int) -> None:
    for key in keys:
        lab.keyboard.press(key)
    expect(lab.locator(".player .at b")).to_have_text(f"{iteration:,}")


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


def test_nothing_is_painted_while_nothing_changes(lab: Page) -> None:
    for view in ("lab", "guided"):
        lab.evaluate(f"history.pushState(null, '', '?view={view}&step=4&job=' + lab.session.run.job.id)")
        lab.reload(wait_until="networkidle")
        lab.wait_for_timeout(500)
        painted = lab.evaluate("lab.frames.all")
        lab.wait_for_timeout(500)
        assert lab.evaluate("lab.frames.all") - painted < 3


def test_a_click_in_the_evolution_goes_there(lab: Page) -> None:
    canvas = lab.locator(".evolution canvas")
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] / 2, "y": box["height"] * 0.75})
    assert lab.evaluate("lab.player.at") == pytest.approx(5000, abs=600)


def test_the_point_under_the_cursor_is_that_of_all_charts(lab: Page) -> None:
    box = lab.locator(".losses .u-over").bounding_box()
    assert box
    lab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(lab.locator(".losses .caption")).to_contain_text("Around iteration 5,")
    assert lab.evaluate("lab.player.hover") == pytest.approx(5000, abs=300)


def test_dragging_over_the_losses_zooms_in_and_the_address_says_so(lab: Page) -> None:
    box = lab.locator(".losses .u-over").bounding_box()
    assert box
    lab.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 20)
    lab.mouse.down()
    lab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
    lab.mouse.up()
    lab.wait_for_url("**zoom=*")
    lab.get_by_role("button", name="Whole run").click()
    expect(lab.get_by_role("button", name="Whole run")).to_have_count(0)


def test_keys_are_the_pages_where_there_is_no_player(lab: Page) -> None:
    lab.get_by_role("link", name="Compare", exact=True).click()
    expect(lab.get_by_role("heading", name="Compare", level=1)).to_be_visible()
    lab.keyboard.press("Home")
    assert lab.evaluate("lab.player.at") == 10_000
    assert "at=" not in lab.url
