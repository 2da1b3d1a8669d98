"""The server goes and comes back: the page says so, and goes on by itself."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.page.conftest import eventually
from tests.service.clients import serving, starting
from tests.service.contract import ENDLESS

GONE = "The server is gone"


def test_the_page_says_that_the_server_is_gone_and_goes_on_when_it_is_back(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        with serving(tmp_path / "data") as (server, client):
            url, port = server.url, server.url.rpartition(":")[2]
            job = client.post("/train", json=ENDLESS).json()
            page.goto(f"{url}/?view=lab&job={job['id']}")
            eventually(page, "lab.session.run?.points.iteration.length > 0")
            server.kill()
        expect(page.get_by_role("alert")).to_contain_text(GONE, timeout=10_000)

        with starting(tmp_path / "data", "--port", port) as again:
            again.serves()
            expect(page.get_by_role("alert")).to_have_count(0, timeout=10_000)
            eventually(page, "lab.session.run?.job.status === 'running' && lab.session.run.points.iteration.length > 0")
