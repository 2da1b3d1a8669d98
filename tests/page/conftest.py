"""Fixtures of the page's tests: a browser, a page of a real service, and finished runs."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser import CHROMIUM, PageObserver, launch_browser
from tests.support.contract import Json

SECONDS = 30
expect.set_options(timeout=1000 * SECONDS)
NAVIGATE = """(query) => {
  history.pushState(null, "", query);
  dispatchEvent(new PopStateEvent("popstate"));
  return new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame));
}"""
WIDE, NARROW = {"width": 1920, "height": 1080}, {"width": 380, "height": 800}


def wait_for_js(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression is true. The page's policy forbids Playwright's own `wait_for_function`."""
    end = time.monotonic() + SECONDS
    while not page.evaluate(f"Boolean(window.lab && ({expression}))"):
        assert time.monotonic() < end, expression
        time.sleep(0.05)


def texts(page: Page, language: str = "en") -> dict[str, str]:
    """Return all texts of the page in a language, by their keys."""
    load = "(names) => Promise.all(names.map((name) => import(`/assets/i18n/${name}.js`)))"
    modules: list[dict[str, dict[str, str]]] = page.evaluate(load, [language, f"{language}-paths"])
    return modules[0]["default"] | modules[1]["default"]


def navigate(page: Page, query: str) -> None:
    """Change the address of a loaded page as its own links do, without loading it again."""
    page.evaluate(NAVIGATE, query)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser. It is closed before tests of other packages run: until then, this thread has a running event loop."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with launch_browser() as browser:
        yield browser


@contextmanager
def shared_context(browser: Browser, server_url: str, **options: Any) -> Iterator[BrowserContext]:
    """Open a context for many `new_user`s. Its first page keeps the process with the compiled scripts alive."""
    with browser.new_context(base_url=server_url, viewport=WIDE, locale="en-US", **options) as context:
        context.new_page().goto("/healthz")
        yield context


def new_user(context: BrowserContext) -> Page:
    """Open a page in a shared context that has no pages, storage or permissions of earlier users any more."""
    first, *left = context.pages
    for page in left:
        page.close()
    first.evaluate("localStorage.clear()")
    context.clear_cookies()
    context.clear_permissions()
    page = context.new_page()
    page.set_default_timeout(1000 * SECONDS)
    return page


@pytest.fixture(scope="package")
def context(browser: Browser, server_url: str) -> Iterator[BrowserContext]:
    """The context of all `page`s."""
    with shared_context(browser, server_url) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, server_url: str) -> Iterator[Page]:
    """A page of a new user. At the end it must have no errors and no requests to other hosts.

    Clocks and other things that a context can't undo need a context of their own.
    """
    page = new_user(context)
    observed = PageObserver(page)
    yield page
    page.close()
    assert observed.errors == []
    assert observed.requests_to_other_hosts(server_url) == []


@pytest.fixture
def article_run(server_client: httpx.Client) -> Json:
    """A finished run with the article's settings and a unique name."""
    return _train(server_client, preset="article", name=f"the article's, {secrets.token_hex(4)}")


@pytest.fixture
def bce_run(server_client: httpx.Client) -> Json:
    """A finished run with cross-entropy and a unique name."""
    return _train(server_client, preset="article-bce", name=f"cross-entropy, {secrets.token_hex(4)}")


@pytest.fixture
def two_patterns_run(server_client: httpx.Client) -> Json:
    """A finished run that makes both of two patterns, with a unique name."""
    return _train(server_client, preset="two-patterns", batch_size=8, seed=111, name=f"two, {secrets.token_hex(4)}")


def _train(client: httpx.Client, **settings: object) -> Json:
    return dict(client.post("/train", params={"wait": 30}, json={"seed": 1010, **settings}).json())
