"""`/docs` in a real browser."""

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PageObserver

METHODS = {"get", "put", "post", "delete", "patch"}


def test_docs_list_every_operation_and_use_no_other_host(browser: Browser, server_url: str) -> None:
    page = browser.new_page()
    observed = PageObserver(page)
    page.goto(f"{server_url}/docs", wait_until="networkidle")
    page.locator(".opblock").first.wait_for()
    paths = httpx.get(f"{server_url}/openapi.json").json()["paths"]
    described = sorted((method.upper(), path) for path, item in paths.items() for method in METHODS & item.keys())
    shown = [
        (block.locator(".opblock-summary-method").inner_text(), block.locator("[data-path]").get_attribute("data-path"))
        for block in page.locator(".opblock").all()
    ]
    assert page.title() == "gan1010"
    assert sorted(shown) == described
    assert {"POST /train", "GET /sample"} <= {f"{method} {path}" for method, path in described}
    assert observed.errors == []
    assert observed.requests_to_other_hosts(server_url) == []


def test_docs_follow_the_chosen_theme_and_lead_back(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Dark colours").click()
    page.get_by_role("link", name="API").click()
    expect(page.locator("html.dark-mode")).to_be_attached()
    page.get_by_role("button", name="Light colours").click()
    expect(page.locator("html.dark-mode")).to_have_count(0)
    page.get_by_role("link", name="Back to the page").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
