"""State in the address: links, back and forward."""

import httpx
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.conftest import wait_for_js
from tests.support.contract import Json


def test_link_shows_the_same_moment_and_settings(page: Page, browser: Browser, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}")
    expect(page.locator(".player .at b")).to_have_text("10,000")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_role("button", name="log y").click()
    page.get_by_label("Pattern", exact=True).fill("1100")
    page.wait_for_url("**pattern=1100*")
    with browser.new_context(base_url=page.url, locale="en-US") as context:
        other = context.new_page()
        other.goto(page.url)
        expect(other.locator(".player .at b")).to_have_text("1,000")
        expect(other.get_by_role("button", name="log y")).to_have_attribute("aria-pressed", "true")
        expect(other.get_by_label("Pattern", exact=True)).to_have_value("1100")
        assert other.evaluate("[...lab.player.moment.sample]") == page.evaluate("[...lab.player.moment.sample]")


def test_back_and_forward_change_views(page: Page) -> None:
    page.goto("/")
    for name in ("Lab", "Compare", "Sweep"):
        page.get_by_role("link", name=name, exact=True).click()
    page.go_back()
    expect(page.get_by_role("heading", name="Compare", level=1)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("form", name="Train")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("link", name="Compare", exact=True)).to_have_attribute("aria-current", "page")


def test_address_hides_parts_of_the_page(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}&hide=train,sample,sweep,runs")
    expect(page.locator(".player")).to_be_visible()
    expect(page.get_by_role("form", name="Train")).to_have_count(0)
    expect(page.get_by_role("complementary", name="Try it out")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_text(["Learn", "Lab", "Take away"])


def test_unknown_job_shows_an_error_and_others_are_offered(
    browser: Browser, server_url: str, article_run: Json
) -> None:
    with browser.new_context(base_url=server_url, locale="en-US") as context:
        page = context.new_page()
        page.goto("/?view=lab&job=none")
        expect(page.get_by_role("alert")).to_contain_text("This run no longer exists")
        page.goto("/?view=take&job=none")
        page.get_by_role("combobox", name="Run").select_option(article_run["id"])
        expect(page.get_by_role("heading", name=article_run["name"])).to_be_visible()


def test_back_discards_a_run_that_is_still_loading(page: Page, article_run: Json, bce_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}")
    expect(page.get_by_role("heading", name=article_run["name"])).to_be_visible()
    held: list[Route] = []
    page.route(f"**/jobs/{bce_run['id']}", lambda route: held.append(route))
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("link", name=bce_run["name"]).click()
    wait_for_js(page, f"location.search.includes('{bce_run['id']}')")
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name=article_run["name"])).to_be_visible()
    with page.expect_response(f"**/jobs/{bce_run['id']}/snapshots*") as response:
        held[0].continue_()
    response.value.finished()
    page.evaluate("fetch('healthz').then(() => new Promise(requestAnimationFrame))")  # long enough to open the run
    assert page.evaluate("lab.session.run.job.id") == article_run["id"]


def test_back_restores_the_moment_of_a_longer_run(page: Page, server_url: str, article_run: Json) -> None:
    short = httpx.post(f"{server_url}/train", params={"wait": 9}, json={"iterations": 1}).json()
    page.goto(f"/?view=lab&job={article_run['id']}&at=9900")
    expect(page.locator(".player .at b")).to_have_text("9,900")
    page.evaluate(
        f"history.pushState(null, '', '?view=lab&job={short['id']}'); dispatchEvent(new PopStateEvent('popstate'))"
    )
    expect(page.locator(".player .at b")).to_have_text("1")
    page.go_back()
    expect(page.locator(".player .at b")).to_have_text("9,900")
    assert "at=9900" in page.url


def test_finished_training_does_not_change_the_step(page: Page) -> None:
    held: list[Route] = []
    page.route("**/train?wait=*", lambda route: held.append(route))
    page.goto("/?step=4")
    page.get_by_role("button", name="Train the GAN").click()
    page.get_by_role("button", name="Look at the losses").click()
    wait_for_js(page, "location.search.includes('step=5')")
    held[0].continue_()
    wait_for_js(page, "location.search.includes('job=')")
    assert "step=5" in page.url
