"""Sweep view: the line about the cluster that trains the sweep."""

import re
from pathlib import Path

import httpx
from playwright.sync_api import Browser, expect

from tests.page.conftest import WIDE
from tests.support.browser import PageObserver
from tests.support.clients import running_server
from tests.support.contract import wait_until
from tests.support.dask_cluster import dask_cluster, kill

SWEEP = {"base": {"iterations": 1_000_000}, "seeds": 1000}  # does not end by itself


def test_line_says_who_trains_the_sweep_and_why_it_waits(browser: Browser, tmp_path: Path) -> None:
    older = tmp_path / "older" / "gan1010-0.0.9.dist-info" / "METADATA"
    older.parent.mkdir(parents=True)
    older.write_text("Metadata-Version: 2.1\nName: gan1010\nVersion: 0.0.9\n")
    with (
        dask_cluster(tmp_path / "dask") as cluster,
        running_server(tmp_path / "data", "--scheduler", cluster.address) as (server, client),
        browser.new_context(base_url=server.url, viewport=WIDE, locale="en-US") as context,
    ):
        wait_until(lambda: client.get("/cluster").json()["connected"])
        sweep = client.post("/sweeps", json=SWEEP).json()
        page = context.new_page()
        observed = PageObserver(page)
        page.goto(f"/?view=sweep&sweep={sweep['id']}")
        line = page.locator(".cluster")
        expect(line).to_contain_text("The Dask cluster has no usable worker. The sweep waits for one.")
        cluster.start_other_worker("older", PYTHONPATH=str(tmp_path / "older"))
        expect(line).to_contain_text(re.compile(r"waits for one.*Refused workers: 1\. It has gan1010 0\.0\.9"))
        cluster.start_workers(2)
        expect(line).to_contain_text("A Dask cluster trains this sweep. Workers: 2. Threads: 2.")
        expect(line.get_by_role("link")).to_have_attribute("href", re.compile(r"^http://127\.0\.0\.1:\d+/status$"))
        kill(cluster.scheduler)
        expect(line).to_contain_text("The threads of the service train this sweep.")
        expect(line.get_by_role("link")).to_have_count(0)
        client.post(f"/jobs/{sweep['id']}/cancel")
        expect(line).to_have_count(0)
        assert (observed.errors, observed.requests_to_other_hosts(server.url)) == ([], [])


def test_service_without_a_scheduler_is_asked_only_once(browser: Browser, server_url: str) -> None:
    sweep = httpx.post(f"{server_url}/sweeps", json=SWEEP).json()
    results = f"{server_url}/sweeps/{sweep['id']}/results"
    with browser.new_context(base_url=server_url) as context:
        page = context.new_page()
        observed = PageObserver(page)
        page.goto(f"/?view=sweep&sweep={sweep['id']}")
        wait_until(lambda: page.wait_for_timeout(50), lambda _: observed.requested_urls.count(results) > 2)
        assert page.locator(".cluster").count() == 0
        assert observed.requested_urls.count(f"{server_url}/cluster") == 1
