"""`python -m tests.page.screenshots FOLDER`: screenshots of all views, wide, narrow, light, dark, and in Chinese."""

import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from tests.page.conftest import NARROW, WIDE
from tests.support.browser import launch_browser
from tests.support.clients import running_server
from tests.support.contract import LONG_JOB

VIEWS = {
    "start": "?",
    "real": "?step=1",
    "alone": "?step=2&alone={alone}&at=6000",
    "untrained": "?step=3&job={gan}&at=0",
    "train": "?step=4&job={gan}&at=5000",
    "walk": "?step=4&job={gan}&at=3000&walk=11",
    "losses": "?step=5&job={gan}&at=6000",
    "sample": "?step=6&job={gan}",
    "evolve": "?step=7&job={gan}&at=8000",
    "chase": "?path=beyond&step=1&b1={chase}&at=5000",
    "collapse": "?path=beyond&step=4&b4={two}",
    "lab": "?view=lab&job={gan}&at=7000",
    "lab-two-patterns": "?view=lab&job={two}&preset=two-patterns",
    "lab-wide-pattern": "?view=lab&job={wide}&at=20000",
    "lab-live": "?view=lab&job={live}",
    "lab-empty": "?view=lab",
    "compare": "?view=runs&jobs={gan},{bce},{adam}",
    "sweep": "?view=sweep&sweep={sweep}&cell=5",
    "take-away": "?view=take&job={gan}",
}


def main(folder: Path) -> None:
    """Start a service with jobs and take all screenshots."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        running_server(Path(data)) as (server, client),
        launch_browser() as browser,
    ):
        jobs = _start_jobs(client)
        urls = {name: f"{server.url}/{address.format(**jobs)}" for name, address in VIEWS.items()}
        for name, url in urls.items():
            for theme in ("light", "dark"):
                for size in (WIDE, NARROW):
                    _take(browser, url, folder / f"{name}-{size['width']}-{theme}.png", size, theme, "en-US")
        for name in ("start", "train", "lab", "compare"):
            _take(browser, urls[name], folder / f"{name}-zh.png", WIDE, "light", "zh-CN")
        client.post(f"/jobs/{jobs['live']}/cancel")


def _start_jobs(client: httpx.Client) -> dict[str, str]:
    """Start jobs; return their ids by the placeholders of `VIEWS`."""

    def train(**settings: object) -> str:
        return str(client.post("/train", params={"wait": 30}, json=settings).raise_for_status().json()["id"])

    plan = {"grid": {"learning_rate": [0.003, 0.01, 0.03, 0.1], "hidden_size": [2, 3, 5, 8]}, "seeds": 50}
    return {
        "alone": train(preset="discriminator-alone", seed=1010, name="D alone"),
        "gan": train(seed=1010, name="the article's GAN"),
        "bce": train(preset="article-bce", seed=1010, name="with cross-entropy"),
        "adam": train(preset="adam-orbit", seed=1010, name="Adam"),
        "chase": train(preset="chase", seed=81, name="too fast"),
        "two": train(preset="two-patterns", seed=1010, name="two patterns"),
        "wide": train(pattern="1100101011110000", hidden_size=16, iterations=40_000, seed=1010, name="sixteen bits"),
        "live": str(client.post("/train", json={**LONG_JOB, "name": "ten million"}).raise_for_status().json()["id"]),
        "sweep": str(client.post("/sweeps", params={"wait": 30}, json=plan).raise_for_status().json()["id"]),
    }


def _take(browser: Browser, url: str, path: Path, size: dict[str, int], theme: str, locale: str) -> None:
    with browser.new_context(viewport=size, color_scheme=theme, locale=locale) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(url)
        page.wait_for_timeout(900)  # a live run never becomes idle
        page.screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
