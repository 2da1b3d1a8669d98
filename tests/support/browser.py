"""A real browser: headless Chromium, and an observer of its pages' errors and requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
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
