"""The page in a real browser: size, first paint, frame rate of the replay, memory of long runs."""

import json
from collections.abc import Iterator
from contextlib import closing
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from tests.benchmarks.load import Connection, request
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import Server
from tests.support.browser import CHROMIUM, MAX_PAGE_BYTES, launch_browser, page_weights

WIDE = {"width": 1920, "height": 1080}
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
FRAMES = "[...lab.frames.between.slice(1, Math.min(lab.frames.count, lab.frames.between.length))]"
HEAP = "performance.memory.usedJSHeapSize"


def page(quick: bool, service: Server) -> Iterator[Row]:
    """Measure the page; yield nothing without a browser."""
    if not CHROMIUM.exists():
        return
    with launch_browser() as browser:
        yield from _loading(browser, service, 3 if quick else 10)
        yield _replay(browser, service, 3 if quick else 10)
        yield _many_points(browser, service)
        yield _stream(browser, service)


def _loading(browser: Browser, service: Server, rounds: int) -> Iterator[Row]:
    url = f"http://127.0.0.1:{service.port}"
    job = _train(service, seed=1)
    paints: list[float] = []
    for _ in range(rounds):
        with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
            tab = context.new_page()
            tab.goto(url, wait_until="networkidle")
            paints.append(tab.evaluate(FIRST_PAINT))
    weight = sum(page_weights(browser, url, job).values())
    yield Row(
        name="the page, first paint, cold",
        measured=f"{median(paints):.0f} ms",
        target="under 1 s",
        is_met=median(paints) < 1000,
    )
    yield Row(
        name="the page with all five views, compressed",
        measured=f"{weight / 1000:.0f} KB",
        target=f"under {MAX_PAGE_BYTES / 1000:.0f} KB",
        is_met=weight < MAX_PAGE_BYTES,
    )


def _replay(browser: Browser, service: Server, seconds: int) -> Row:
    job = _train(service, iterations=100_000, seed=1)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{service.port}/?view=lab&job={job}")
        tab.get_by_role("button", name="Play", exact=True).click()
        tab.wait_for_timeout(1000 * seconds)
        frames = sorted(tab.evaluate(FRAMES))
    rate = 1000 * len(frames) / sum(frames)
    late = frames[int(len(frames) * 0.95)]
    return Row(
        name="replay of 1,000 snapshots, all views",
        measured=f"{rate:.0f} frames/s",
        baseline=f"95 % of the frames came within {late:.1f} ms",
        target="over 50",
        is_met=rate > 50,
    )


def _many_points(browser: Browser, service: Server) -> Row:
    job = _train(service, iterations=1_000_000, record_every=5, seed=1)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{service.port}/?view=lab&job={job}", wait_until="networkidle")
        drawn = tab.evaluate("performance.getEntriesByName('lab:losses')[0].duration")
    return Row(
        name="a job of 200,000 points, drawn", measured=f"{drawn:.0f} ms", target="under 300 ms", is_met=drawn < 300
    )


def _stream(browser: Browser, service: Server) -> Row:
    job = _train(service, wait=0, iterations=10_000_000, record_every=50, seed=1)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{service.port}/?view=lab&job={job}")
        tab.get_by_role("button", name="Live").wait_for()
        before = heap = tab.evaluate(HEAP)
        while not tab.evaluate("lab.session.run.ended"):
            tab.wait_for_timeout(200)
            heap = max(heap, tab.evaluate(HEAP))
        tab.wait_for_load_state("networkidle")
        points = tab.evaluate("lab.session.run.points.iteration.length")
    grown = (heap - before) / 1e6
    return Row(
        name=f"{points:,} points streamed, the tab's growth",
        measured=f"{grown:.0f} MB",
        target="under 150 MB",
        is_met=grown < 150,
    )


def _train(service: Server, wait: int = 30, **settings: Any) -> str:
    with closing(Connection(service.port)) as connection:
        _, response = connection.fetch(request("POST", f"/train?wait={wait}", settings))
    return str(json.loads(response)["id"])
