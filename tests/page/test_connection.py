"""Lost connections: the page shows them and reconnects by itself."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.page.conftest import wait_for_js
from tests.support.clients import running_server, server_process
from tests.support.contract import LONG_JOB

UNREACHABLE = "The server cannot be reached"


def test_page_reconnects_after_a_restart(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        with running_server(tmp_path / "data") as (server, client):
            url, port = server.url, server.url.rpartition(":")[2]
            job = client.post("/train", json=LONG_JOB).json()
            page.goto(f"{url}/?view=lab&job={job['id']}")
            wait_for_js(page, "lab.session.run?.points.iteration.length > 0")
            server.kill()
        expect(page.get_by_role("alert")).to_contain_text(UNREACHABLE)
        with server_process(tmp_path / "data", "--port", port) as again:
            again.wait_until_ready()
            expect(page.get_by_role("alert")).to_have_count(0)
            wait_for_js(
                page, "lab.session.run?.job.status === 'running' && lab.session.run.points.iteration.length > 0"
            )


def test_run_that_ended_while_unreachable_is_completed_later(browser: Browser, server_url: str) -> None:
    with browser.new_context(base_url=server_url, locale="en-US") as context:
        page = context.new_page()
        job = page.request.post(f"{server_url}/train", data=LONG_JOB | {"snapshot_every": 10_000}).json()
        page.goto(f"/?view=lab&job={job['id']}")
        wait_for_js(page, "lab.session.run?.end > 0")
        page.route("**/snapshots*", lambda route: route.abort())
        page.route("**/healthz", lambda route: route.abort())
        seen = page.evaluate("lab.session.run.end")
        wait_for_js(page, f"lab.session.run?.job.iteration > {seen + 20_000}")
        iteration = page.request.post(f"{server_url}/jobs/{job['id']}/cancel").json()["iteration"]
        expect(page.locator(".run-head .status")).to_contain_text("cancelled")
        expect(page.get_by_role("alert")).to_contain_text(UNREACHABLE)
        page.unroute_all()
        expect(page.get_by_role("alert")).to_have_count(0)
        wait_for_js(page, f"lab.session.run?.end > {iteration - 10_000}")
