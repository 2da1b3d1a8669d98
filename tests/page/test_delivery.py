"""Delivery of the page: size, compression, caching, content security policy, and vendored files."""

import json
import re
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from service.api.routes.pages import PAGE
from tests.support.browser import MAX_PAGE_BYTES, page_weights
from tests.support.clients import ROOT, Client, running_server
from tests.support.contract import Json, wait_until


def test_policy_allows_only_own_files(shared_client: Client) -> None:
    policy = shared_client.get("/").headers["content-security-policy"]
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    html = (PAGE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", html) == []


def test_page_is_small(browser: Browser, server_url: str, article_run: Json) -> None:
    weights = page_weights(browser, server_url, article_run["id"])
    assert len(weights) > 30
    assert sum(weights.values()) > MAX_PAGE_BYTES / 2  # files from a cache have no size
    assert sum(weights.values()) < MAX_PAGE_BYTES, weights


def test_all_scripts_load_at_once(page: Page) -> None:
    page.goto("/", wait_until="networkidle")
    loaded = {
        url.partition("/assets/")[2]
        for url in page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    }
    scripts = {path for path in loaded if path.endswith(("js", "mjs"))}
    named = set(re.findall(r'(?:modulepreload" href|src)="assets/([^"]+)"', (PAGE / "index.html").read_text()))
    assert scripts - named <= {"i18n/en.js"}
    assert named <= scripts


@pytest.mark.parametrize(("name", "query"), [("walk", "?step=4&walk=3&job={id}"), ("beyond", "?path=beyond")])
def test_views_that_load_later_wait_for_their_styles(page: Page, article_run: Json, name: str, query: str) -> None:
    held: list[Route] = []
    page.route(f"**/views/{name}.css", lambda route: held.append(route))
    with page.expect_response(f"**/views/{name}.js"):
        page.goto(f"/{query.format(id=article_run['id'])}", wait_until="commit")
    wait_until(lambda: page.evaluate("1"), lambda _: bool(held))
    expect(page.locator(f".{name}")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(f".{name}")).to_be_visible()


def test_page_opens_at_the_prefix_without_a_slash(browser: Browser, tmp_path: Path) -> None:
    with running_server(tmp_path, "--root-path", "/gan") as (server, _), browser.new_context() as context:
        page = context.new_page()
        for address in ("/gan?view=sweep", "/gan/?view=sweep", "/?view=sweep"):  # the proxy may remove the prefix
            page.goto(f"{server.url}{address}")
            page.get_by_role("button", name="Start the sweep").wait_for()
            assert page.url == f"{server.url}/gan/?view=sweep"


@pytest.mark.parametrize("path", ["", "docs"])
def test_pages_are_compressed_and_revalidated(server_url: str, path: str) -> None:
    response = httpx.get(f"{server_url}/{path}", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-security-policy"]
    assert response.headers.get("content-encoding") == ("gzip" if len(response.content) > 2048 else None)
    again = httpx.get(
        f"{server_url}/{path}", headers={"If-None-Match": response.headers["etag"], "Accept-Encoding": "gzip"}
    )
    assert again.status_code == 304
    assert again.headers["content-security-policy"] == response.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["lab.js", "lab.css", "vendor/uplot/uPlot.iife.min.js"])
def test_assets_are_compressed_and_revalidated(server_url: str, path: str) -> None:
    response = httpx.get(f"{server_url}/assets/{path}", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["cache-control"] == "no-cache"
    again = httpx.get(f"{server_url}/assets/{path}", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_files_begin_with_a_comment() -> None:
    for path in [*PAGE.rglob("*.js"), *PAGE.rglob("*.css")]:
        if "vendor" not in path.parts:
            assert re.match(r"(// .+|/\* .+ \*/)\n\n", path.read_text()), path


@pytest.mark.parametrize("folder", ["service/page/vendor", "tests/page/vendor"])
def test_vendored_files_match_their_manifest(folder: str) -> None:
    vendor = ROOT / folder
    listed = {
        f"{package['folder']}/{name}": checksum
        for package in json.loads((vendor / "manifest.json").read_text())
        for name, checksum in package["files"].items()
    }
    files = [path for path in vendor.glob("*/**/*") if path.is_file()]
    assert {path.relative_to(vendor).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files} == listed
