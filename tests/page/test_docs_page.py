"""`/docs` in a real browser."""

import httpx
from playwright.sync_api import Browser

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
