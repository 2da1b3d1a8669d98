"""`/docs` in a real browser: it lists the operations, and asks no host but ours for anything."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
METHODS = {"get", "put", "post", "delete", "patch"}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page()
        browser.close()


def test_docs_list_every_operation_and_stay_on_our_host(page: Page, server_url: str) -> None:
    troubles: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

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
    assert troubles == []
    assert [url for url in asked if not url.startswith((server_url, "data:"))] == []
