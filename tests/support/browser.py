"""A real browser: headless Chromium, and an observer of its pages' errors and requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
MAX_PAGE_BYTES = 170_000
VIEWS = ["/", "/?view=lab", "/?view=runs", "/?view=sweep", "/?view=take"]
SIZES = """performance.getEntries()
  .filter((entry) => entry.entryType === "navigation" || entry.name.includes("/assets/"))
  .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])"""
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--process-per-site",
    "--disable-features=" + ",".join([
        # Each would start a process per window or page, which no test uses and which costs half a second.
        "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess",
        # Playwright turns these off too, but Chromium knows the last list only.
        "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
        "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay",
        "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch",
        "ThirdPartyStoragePartitioning",
    ]),
]  # fmt: skip


@contextmanager
def launch_browser() -> Iterator[Browser]:
    """Run a browser until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def page_weights(browser: Browser, server_url: str, job: str) -> dict[str, int]:
    """Open all five views with a finished run; return the compressed sizes of the files that they load, by path."""
    weights: dict[str, int] = {}
    with browser.new_context() as context:  # whose cache is empty: a file that is only revalidated has no size
        page = context.new_page()
        for view in VIEWS:
            page.goto(f"{server_url}{view}{'&' if '?' in view else '?'}job={job}", wait_until="networkidle")
            for path, size in page.evaluate(SIZES):
                weights[path] = max(size, weights.get(path, 0))
    return weights


class PageObserver:
    """The errors and the requests of a page."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.requested_urls: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requested_urls.append(request.url))

    def requests_to_other_hosts(self, own_url: str) -> list[str]:
        """List the requested URLs that do not begin with ours."""
        return [url for url in self.requested_urls if not url.startswith((own_url, "data:", "blob:"))]
