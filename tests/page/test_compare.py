"""The list of runs: laid over one another, told apart, cancelled, deleted and run again."""

import time

import httpx
from playwright.sync_api import Page, Route, expect

from tests.support.contract import LONG_JOB, SHORT_JOB, Json


def test_runs_are_laid_over_one_another_and_told_apart(page: Page, trained: Json, crossed: Json) -> None:
    page.goto("/?view=runs")
    for job in (trained, crossed):
        page.get_by_role("checkbox", name=f"Compare {job['name']}").check()

    expect(page.locator(".overlay .legend li")).to_have_count(2)
    differences = page.get_by_role("table", name="What tells them apart")
    expect(differences.get_by_role("row", name="Loss squared error cross-entropy")).to_be_visible()
    expect(differences.get_by_role("row", name="Pattern")).to_have_count(0)
    assert f"jobs={trained['id']},{crossed['id']}" in page.url

    page.get_by_role("button", name="D on fakes").click()
    page.wait_for_url("**curve=fake*")


def test_a_run_opens_in_the_lab(page: Page, trained: Json) -> None:
    page.goto("/?view=runs")
    page.get_by_role("link", name=trained["name"]).click()
    expect(page.get_by_role("heading", name=trained["name"])).to_be_visible()
    assert f"job={trained['id']}" in page.url


def test_a_run_is_paused_resumed_cancelled_and_deleted(page: Page, server_url: str) -> None:
    job = httpx.post(f"{server_url}/train", json={**LONG_JOB, "name": "endless"}).json()
    page.goto("/?view=runs")
    row = page.get_by_role("row").filter(has_text="endless")
    expect(row.get_by_role("progressbar")).to_be_visible()
    row.get_by_role("button", name="Pause: endless").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Resume: endless").click()
    expect(row).to_contain_text("running")
    row.get_by_role("button", name="Cancel: endless").click()
    expect(row).to_contain_text("cancelled")

    row.get_by_role("button", name="Delete: endless").click()
    expect(row).to_have_count(0)
    assert httpx.get(f"{server_url}/jobs/{job['id']}").status_code == 404


def test_running_again_gives_the_same_run(page: Page, server_url: str) -> None:
    httpx.post(f"{server_url}/train", params={"wait": 5}, json={**SHORT_JOB, "name": "once more"})
    page.goto("/?view=runs")
    page.get_by_role("button", name="Run again: once more").click()
    rows = page.get_by_role("row").filter(has_text="once more").filter(has_text="finished")
    expect(rows).to_have_count(2)
    jobs = [job for job in httpx.get(f"{server_url}/jobs").json()["data"] if job["name"] == "once more"]
    assert jobs[0]["result"] == jobs[1]["result"]


def test_settings_are_taken_over_also_where_they_undo_those_of_a_preset(page: Page, server_url: str) -> None:
    body = {**SHORT_JOB, "preset": "adam-orbit", "optimizer": "sgd", "learning_rate": 0.01, "name": "undone"}
    httpx.post(f"{server_url}/train", params={"wait": 5}, json=body)
    page.goto("/?view=runs")
    page.get_by_role("button", name="Settings: undone").click()
    page.wait_for_url("**view=lab*")
    assert "optimizer=sgd" in page.url
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.01")


def test_runs_that_were_asked_for_come_and_stay_while_the_list_is_renewed(page: Page, server_url: str) -> None:
    def slowly(route: Route) -> None:
        time.sleep(1.2)  # longer than the page waits before it looks again
        route.continue_()

    with httpx.Client(base_url=server_url, timeout=60) as client:
        client.post("/train", params={"wait": 9}, json={**SHORT_JOB, "name": "the oldest"})
        for _ in range(100):
            client.post("/train", params={"wait": 9}, json=SHORT_JOB)
        endless = client.post("/train", json=LONG_JOB).json()["id"]
        page.goto("/?view=runs")
        older = page.get_by_role("button", name="Older runs")
        expect(older).to_be_visible()
        page.route("**/jobs?limit=*", slowly)
        older.click()
        expect(page.get_by_role("link", name="the oldest")).to_be_visible()
        page.unroute_all(behavior="wait")
        for _ in range(2):  # what the first is answered is shown before the second is asked
            with page.expect_request("**/jobs?limit=*"):
                pass
        expect(page.get_by_role("link", name="the oldest")).to_be_visible()
        client.post(f"/jobs/{endless}/cancel")
