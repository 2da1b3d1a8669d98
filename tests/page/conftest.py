"""What the tests of the page share: a fresh page on a real service, and what it complained about."""

import secrets
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PageObserver
from tests.support.contract import Json

SECONDS = 10
expect.set_options(timeout=1000 * SECONDS)
WIDE, NARROW = {"width": 1920, "height": 1080}, {"width": 380, "height": 800}


def eventually(page: Page, expression: str) -> None:
    """Wait until the expression holds in the page, whose policy forbids what Playwright's own wait would do."""
    end = time.monotonic() + SECONDS
    while not page.evaluate(f"Boolean(window.lab && ({expression}))"):
        assert time.monotonic() < end, expression
        time.sleep(0.05)


@pytest.fixture
def page(browser: Browser, server_url: str) -> Iterator[Page]:
    """A page of a new reader; in the end it must have asked no other host, and complained about nothing."""
    with browser.new_context(base_url=server_url, viewport=WIDE, locale="en-US") as context:
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        observed = PageObserver(page)
        yield page
        assert observed.errors == []
        assert observed.requests_to_other_hosts(server_url) == []


@pytest.fixture
def trained(server_url: str) -> Json:
    """An article run of the service that the page talks to, under a name of its own."""
    body = {"seed": 1010, "name": f"the article's, {secrets.token_hex(4)}"}
    return dict(httpx.post(f"{server_url}/train", params={"wait": 30}, json=body).json())


@pytest.fixture
def crossed(server_url: str) -> Json:
    """The same with cross-entropy."""
    body = {"preset": "article-bce", "seed": 1010, "name": f"cross-entropy, {secrets.token_hex(4)}"}
    return dict(httpx.post(f"{server_url}/train", params={"wait": 30}, json=body).json())
