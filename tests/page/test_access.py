"""Accessibility: axe-core on every view, light and wide as well as dark and narrow, and the keyboard."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.page.conftest import NARROW, new_user, shared_context
from tests.support.contract import Json

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
VIOLATIONS = (
    f"axe.run({RULES}).then(({{violations}}) => violations.map(({{id, nodes}}) => [id, ...nodes.map((n) => n.html)]))"
)
VIEWS = {
    "start": "", "real": "?step=1", "train": "?step=4&job={job}", "losses": "?step=5&job={job}",
    "walk": "?step=4&job={job}&at=0&walk=9",
    "sample": "?step=6&job={job}",
    "lab": "?view=lab&job={job}", "runs": "?view=runs&jobs={job},{other}", "sweep": "?view=sweep&sweep={sweep}&cell=0",
    "take": "?view=take&job={job}", "patterns": "?view=lab&job={two}",
    "beyond": "?path=beyond&step=4&b4={two}&s4={sweep}",
}  # fmt: skip


@pytest.fixture(scope="module")
def sweep_id(server_url: str) -> str:
    plan = {"grid": {"learning_rate": [0.003, 0.01], "hidden_size": [2, 3]}, "seeds": 8}
    return str(httpx.post(f"{server_url}/sweeps", params={"wait": 30}, json=plan).json()["id"])


@pytest.fixture(scope="module")
def still_context(browser: Browser, server_url: str) -> Iterator[BrowserContext]:
    """A context of pages without motion, to which a script can be added."""
    with shared_context(browser, server_url, reduced_motion="reduce", bypass_csp=True) as context:
        yield context


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violations(
    still_context: BrowserContext,
    article_run: Json,
    bce_run: Json,
    two_patterns_run: Json,
    sweep_id: str,
    view: str,
) -> None:
    page = new_user(still_context)
    ids = {"job": article_run["id"], "other": bce_run["id"], "two": two_patterns_run["id"], "sweep": sweep_id}
    page.goto("/" + VIEWS[view].format(**ids))
    page.wait_for_load_state("networkidle")
    page.add_script_tag(path=AXE)
    assert page.evaluate(VIOLATIONS) == []
    page.get_by_role("button", name="Dark colours").click()
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Light colours").wait_for()
    assert page.evaluate(VIOLATIONS) == []


def test_axe_finds_no_violations_in_menus_and_dialogs(still_context: BrowserContext, article_run: Json) -> None:
    page = new_user(still_context)
    page.goto(f"/?view=runs&jobs={article_run['id']}")
    page.add_script_tag(path=AXE)
    page.get_by_role("button", name="Columns").click()
    assert page.evaluate(VIOLATIONS) == []
    page.get_by_role("button", name=f"Actions: {article_run['name']}").click()
    assert page.evaluate(VIOLATIONS) == []
    page.get_by_role("button", name=f"Name, note, tags: {article_run['name']}").click()
    page.get_by_role("dialog").wait_for()
    assert page.evaluate(VIOLATIONS) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Undo", exact=True).wait_for()
    assert page.evaluate(VIOLATIONS) == []
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("link", name="Lab", exact=True).click()
    page.get_by_role("button", name="What is shown").click()
    page.get_by_role("dialog").wait_for()
    assert page.evaluate(VIOLATIONS) == []


def test_training_and_replay_need_no_mouse(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Train a GAN now").wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Train a GAN now")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".outcome")).to_contain_text("G makes 1010")
    page.get_by_role("slider", name="Moment of the run").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".player .at b")).to_have_text("9,900")
