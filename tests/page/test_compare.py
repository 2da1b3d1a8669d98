"""Compare view: overlay, differences, and actions on runs."""

import time

import httpx
from playwright.sync_api import Page, Route, expect

from tests.support.contract import LONG_JOB, SHORT_JOB, Json


def test_chosen_runs_share_a_chart_and_a_table_of_differences(page: Page, article_run: Json, bce_run: Json) -> None:
    page.goto("/?view=runs")
    for job in (article_run, bce_run):
        page.get_by_role("checkbox", name=f"Compare {job['name']}").check()
    expect(page.locator(".overlay .legend li")).to_have_count(2)
    differences = page.get_by_role("table", name="Differences")
    expect(differences.get_by_role("row", name="Loss squared error cross-entropy")).to_be_visible()
    expect(differences.get_by_role("row", name="Pattern")).to_have_count(0)
    assert f"jobs={article_run['id']},{bce_run['id']}" in page.url
    page.get_by_role("button", name="D on fakes").click()
    page.wait_for_url("**curve=fake*")


def test_run_opens_in_the_lab(page: Page, article_run: Json) -> None:
    page.goto("/?view=runs")
    page.get_by_role("link", name=article_run["name"]).click()
    expect(page.get_by_role("heading", name=article_run["name"])).to_be_visible()
    assert f"job={article_run['id']}" in page.url


def test_run_is_paused_resumed_cancelled_and_deleted(page: Page, server_url: str) -> None:
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


def test_run_again_gives_the_same_result(page: Page, server_url: str) -> None:
    httpx.post(f"{server_url}/train", params={"wait": 5}, json={**SHORT_JOB, "name": "once more"})
    page.goto("/?view=runs")
    page.get_by_role("button", name="Run again: once more").click()
    rows = page.get_by_role("row").filter(has_text="once more").filter(has_text="finished")
    expect(rows).to_have_count(2)
    jobs = [job for job in httpx.get(f"{server_url}/jobs").json()["data"] if job["name"] == "once more"]
    assert jobs[0]["result"] == jobs[1]["result"]


def test_settings_that_undo_a_preset_are_copied(page: Page, server_url: str) -> None:
    body = {**SHORT_JOB, "preset": "adam-orbit", "optimizer": "sgd", "learning_rate": 0.01, "name": "undone"}
    httpx.post(f"{server_url}/train", params={"wait": 5}, json=body)
    page.goto("/?view=runs")
    page.get_by_role("button", name="Settings: undone").click()
    page.wait_for_url("**view=lab*")
    assert "optimizer=sgd" in page.url
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.01")


def test_settings_that_were_not_set_are_not_copied(page: Page, server_url: str) -> None:
    body = {**SHORT_JOB, "learning_rate": 0.02, "record_every": 5, "name": "copied"}
    httpx.post(f"{server_url}/train", params={"wait": 5}, json=body)
    page.goto("/?view=runs")
    page.get_by_role("button", name="Settings: copied").click()
    page.wait_for_url("**view=lab*")
    page.get_by_text("More settings").click()
    expect(page.locator("#set-generator_learning_rate")).to_have_value("")
    expect(page.get_by_label("Record losses every")).to_have_value("5")
    page.get_by_label("Learning rate", exact=True).fill("0.03")
    with page.expect_response("**/train?*") as response:
        page.get_by_role("button", name="Train", exact=True).click()
    config = response.value.json()["config"]
    assert (config["learning_rate"], config["generator_learning_rate"]) == (0.03, 0.03)
    assert config["defaults"] == {"generator_learning_rate": 0.03}


def test_older_runs_stay_while_the_list_refreshes(page: Page, server_url: str) -> None:
    def slowly(route: Route) -> None:
        time.sleep(1.2)  # longer than the interval of the page's refreshes
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
        for _ in range(2):  # the first response is shown before the second request
            with page.expect_request("**/jobs?limit=*"):
                pass
        expect(page.get_by_role("link", name="the oldest")).to_be_visible()
        client.post(f"/jobs/{endless}/cancel")
