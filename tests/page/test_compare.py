"""Compare view: the table, the overlay, differences, and actions on runs."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.page.conftest import NARROW, navigate, wait_for_js
from tests.support.contract import LONG_JOB, SHORT_JOB, Json, wait_for_end, wait_until

DELETE_RUNS_THAT_DO_NOT_EXIST = """async () => {
  const { trash } = await import("/assets/trash.js");
  trash.put(Array.from({ length: 1244 }, (_, k) => ({ id: String(k).padStart(24, "0") })));
  dispatchEvent(new Event("pagehide"));
}"""

RECORD_DRAWN_TEXTS = """() => {
  const pen = CanvasRenderingContext2D.prototype;
  const { fillText } = pen;
  window.drawnTexts = [];
  pen.fillText = function (text, ...place) { window.drawnTexts.push(text); fillText.call(this, text, ...place); };
}"""

MANY = 112


@pytest.fixture(scope="module")
def many_runs(server_url: str) -> str:
    """A word that only the names of more runs have than the page loads at once."""
    word = f"m{time.time_ns()}"
    with httpx.Client(base_url=server_url, timeout=60) as client:
        client.post("/train", params={"wait": 9}, json={**SHORT_JOB, "name": f"{word} the oldest"})
        jobs = [client.post("/train", json={**SHORT_JOB, "name": word}).json() for _ in range(MANY - 1)]
        for job in jobs:
            wait_for_end(client, job["id"])
    return word


def act(page: Page, action: str, name: str) -> None:
    """Choose an action in the menu of a run."""
    page.get_by_role("button", name=f"Actions: {name}").click()
    page.get_by_role("button", name=f"{action}: {name}").click()


def test_chosen_runs_share_a_chart_and_a_table_of_differences(page: Page, article_run: Json, bce_run: Json) -> None:
    page.goto("/?view=runs")
    for job in (article_run, bce_run):
        page.get_by_role("checkbox", name=f"Compare {job['name']}").check()
    expect(page.locator(".overlay .values tbody tr")).to_have_count(2)
    differences = page.get_by_role("table", name="Differences")
    expect(differences.get_by_role("columnheader")).to_have_text(["Run", "Loss of G", "Loss", "Bits", "In range from"])
    expect(differences.get_by_role("row", name=re.compile(f"{bce_run['name']}.* cross-entropy 1010"))).to_be_visible()
    assert f"jobs={article_run['id']},{bce_run['id']}" in page.url
    page.get_by_role("button", name="D on fakes").click()
    page.wait_for_url("**curve=fake*")


def test_run_opens_in_the_lab(page: Page, article_run: Json) -> None:
    page.goto("/?view=runs")
    page.get_by_role("link", name=article_run["name"]).click()
    expect(page.get_by_role("heading", name=article_run["name"])).to_be_visible()
    assert f"job={article_run['id']}" in page.url


def test_run_is_paused_resumed_and_cancelled(page: Page, server_url: str) -> None:
    httpx.post(f"{server_url}/train", json={**LONG_JOB, "name": "endless"})
    page.goto("/?view=runs")
    row = page.get_by_role("row").filter(has_text="endless")
    expect(row.get_by_role("progressbar")).to_be_visible()
    for action, status in (("Pause", "paused"), ("Resume", "running"), ("Cancel", "cancelled")):
        act(page, action, "endless")
        expect(row).to_contain_text(status)


def test_run_again_draws_another_seed(page: Page, server_url: str) -> None:
    httpx.post(f"{server_url}/train", params={"wait": 5}, json={**SHORT_JOB, "name": "once more"})
    page.goto("/?view=runs")
    act(page, "Run again", "once more")
    rows = page.get_by_role("row").filter(has_text="once more").filter(has=page.locator(".bits"))
    expect(rows).to_have_count(2)
    jobs = [job for job in httpx.get(f"{server_url}/jobs").json()["data"] if job["name"] == "once more"]
    first, again = (job["config"] for job in jobs)
    assert first.pop("seed") != again.pop("seed")
    assert first == again


def test_settings_that_undo_a_preset_are_copied(page: Page, server_url: str) -> None:
    body = {**SHORT_JOB, "preset": "adam-orbit", "optimizer": "sgd", "learning_rate": 0.01, "name": "undone"}
    httpx.post(f"{server_url}/train", params={"wait": 5}, json=body)
    page.goto("/?view=runs")
    act(page, "Settings", "undone")
    page.wait_for_url("**view=lab*")
    assert "optimizer=sgd" in page.url
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.01")


def test_settings_that_were_not_set_are_not_copied(page: Page, server_url: str) -> None:
    body = {**SHORT_JOB, "learning_rate": 0.02, "record_every": 5, "name": "copied"}
    httpx.post(f"{server_url}/train", params={"wait": 5}, json=body)
    page.goto("/?view=runs")
    act(page, "Settings", "copied")
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


def test_deleted_runs_can_be_restored_with_their_selection(
    page: Page, server_url: str, article_run: Json, bce_run: Json
) -> None:
    page.goto(f"/?view=runs&jobs={article_run['id']},{bce_run['id']}")
    drawn = page.locator(".overlay .values tbody tr")
    expect(drawn).to_have_count(2)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(drawn).to_have_count(0)
    expect(page.get_by_role("link", name=article_run["name"])).to_have_count(0)
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_focused()
    page.get_by_role("button", name="Undo", exact=True).click()
    for run in (article_run, bce_run):
        expect(page.get_by_role("link", name=run["name"])).to_be_visible()
        expect(page.get_by_role("checkbox", name=f"Compare {run['name']}")).to_be_checked()
        assert httpx.get(f"{server_url}/jobs/{run['id']}").status_code == 200
    expect(drawn).to_have_count(2)
    page.wait_for_url(f"**jobs={article_run['id']},{bce_run['id']}")


@pytest.mark.parametrize("end", ["in time", "as the page is left"])
def test_deletion_is_sent_after_ten_seconds_or_when_the_page_is_left(
    browser: Browser, server_url: str, end: str
) -> None:
    name = f"gone {end}"
    made = (httpx.post(f"{server_url}/train", params={"wait": 9}, json={**SHORT_JOB, "name": name}) for _ in range(2))
    ids = [response.json()["id"] for response in made]
    with browser.new_context(base_url=server_url, locale="en-US") as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"/?view=runs&jobs={','.join(ids)}")
        page.locator(".overlay .values tbody tr").nth(1).wait_for()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_text("Deleted runs: 2")).to_be_visible()
        assert httpx.get(f"{server_url}/jobs/{ids[0]}").status_code == 200
        if end == "in time":
            page.clock.fast_forward(11_000)
            expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
        else:
            page.goto("/docs")
        wait_until(lambda: {httpx.get(f"{server_url}/jobs/{id}").status_code for id in ids} == {404})


def test_many_runs_are_deleted_by_few_requests(page: Page) -> None:
    """Browsers drop most of the requests of a page that is left."""
    page.goto("/?view=runs")
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if request.method == "DELETE" else None)
    page.evaluate(DELETE_RUNS_THAT_DO_NOT_EXIST)
    wait_until(lambda: len(requests) == 3)
    assert all((response := request.response()) and response.json()["remaining"] == 0 for request in requests)


def test_runs_that_have_not_ended_are_not_deleted(page: Page, server_url: str) -> None:
    job = httpx.post(f"{server_url}/train", json=LONG_JOB).json()
    page.goto(f"/?view=runs&jobs={job['id']}")
    expect(page.locator(".values-at span")).to_have_text("Mean of the last tenth so far")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("have not ended: 1")
    httpx.post(f"{server_url}/jobs/{job['id']}/cancel")


def test_negative_losses_have_no_logarithm(page: Page, server_url: str) -> None:
    settings = {**SHORT_JOB, "loss": "minimax"}
    job = httpx.post(f"{server_url}/train", params={"wait": 9}, json=settings).json()["id"]
    page.goto(f"/?view=runs&jobs={job}&log=y")
    button = page.get_by_role("button", name="log y")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "This loss is negative and has no logarithm")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="D on fakes").click()
    expect(button).to_be_enabled()
    ticks = "async (ends) => (await import('/assets/charts/lines.js')).logTicks(...ends)"
    assert page.evaluate(ticks, [0.218, 0.34]) == pytest.approx([0.25, 0.3])
    assert page.evaluate(ticks, [0.03, 4.2]) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])
    assert page.evaluate(ticks, [2e-4, 3]) == pytest.approx([1e-3, 0.01, 0.1, 1])


def test_run_that_does_not_exist_is_named_in_plain_words(browser: Browser, server_url: str) -> None:
    with browser.new_context(base_url=server_url, locale="en-US") as context:  # whose console shows the 404
        page = context.new_page()
        page.goto(f"/?view=sweep&sweep={24 * '0'}")
        expect(page.get_by_role("alert")).to_contain_text("This sweep no longer exists.")
        page.goto(f"/?view=runs&jobs={24 * '0'}")
        expect(page.get_by_role("alert")).to_contain_text("This run no longer exists.")
        page.wait_for_url("**/?view=runs")


def test_name_note_and_tags_are_edited_and_found(page: Page, server_url: str) -> None:
    jobs = [httpx.post(f"{server_url}/train", params={"wait": 9}, json=SHORT_JOB).json()["id"] for _ in range(2)]
    page.goto(f"/?view=runs&jobs={jobs[0]}")
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("renamed <b>")
    dialog.get_by_label("Note").fill("a note")
    dialog.get_by_label("Tags").fill("one, #two")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="renamed <b>")).to_be_visible()
    saved = httpx.get(f"{server_url}/jobs/{jobs[0]}").json()
    assert (saved["name"], saved["note"], saved["tags"]) == ("renamed <b>", "a note", ["one", "two"])
    page.locator(f".runs tr:has(a[href$='{jobs[1]}']) input").check()
    page.get_by_role("button", name="Add tags").click()
    page.get_by_label("Tags to add").fill(f"both-{jobs[0]}")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name=f"both-{jobs[0]}").first.click()
    expect(page.get_by_role("searchbox")).to_have_value(f"#both-{jobs[0]}")
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    assert httpx.get(f"{server_url}/jobs/{jobs[0]}").json()["tags"] == ["one", "two", f"both-{jobs[0]}"]


def test_table_is_searched_sorted_filtered_and_live(page: Page, server_url: str) -> None:
    mark = f"m{time.time_ns()}"

    def start(name: str, **settings: object) -> None:
        httpx.post(f"{server_url}/train", params={"wait": 9}, json={**SHORT_JOB, "name": f"{mark} {name}", **settings})

    start("a", iterations=30)
    start("b", iterations=10)
    start("c", loss="bce")
    names = page.locator(".runs tbody .c-name a")
    page.goto("/?view=runs")
    page.get_by_role("searchbox").fill(f"{mark.upper()} loss=mse")
    expect(names).to_have_text([f"{mark} b", f"{mark} a"])
    page.get_by_role("searchbox").fill(mark)
    expect(names).to_have_text([f"{mark} {name}" for name in "cba"])
    page.get_by_role("button", name="Iterations").click()
    expect(names).to_have_text([f"{mark} {name}" for name in "bca"])
    expect(page.get_by_role("columnheader", name="Iterations")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Iterations").click()
    expect(names).to_have_text([f"{mark} {name}" for name in "acb"])
    start("d", iterations=25)  # by another client
    expect(names).to_have_text([f"{mark} {name}" for name in "adcb"])
    page.reload()
    expect(names).to_have_text([f"{mark} {name}" for name in "adcb"])
    page.get_by_role("combobox", name="Status").select_option("failed")
    expect(page.get_by_text("No run matches.")).to_be_visible()


def test_columns_are_hidden_and_shown(page: Page, article_run: Json) -> None:
    page.goto("/?view=runs")
    page.get_by_role("link", name=article_run["name"]).wait_for()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Bits").uncheck()
    page.get_by_role("checkbox", name="D on real").check()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("columnheader", name="D on real")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Bits")).to_have_count(0)


def test_runs_keep_their_colours(page: Page, server_url: str) -> None:
    for _ in range(12):
        httpx.post(f"{server_url}/train", params={"wait": 9}, json=SHORT_JOB)
    page.goto("/?view=runs")
    ticks = page.locator(".runs tbody .tick input")
    ticks.nth(0).check()
    ticks.nth(11).click(modifiers=["Shift"])
    drawn = page.locator(".overlay .values tbody tr")
    expect(drawn).to_have_count(12)
    style = "line.getAttribute('stroke') + line.getAttribute('stroke-dasharray')"
    read = f"(runs) => runs.map((run) => run.querySelector('line')).map((line) => {style})"
    before = drawn.evaluate_all(read)
    assert len(set(before)) == 12
    for k in (0, 3):
        drawn.nth(k).get_by_role("button").click()
    expect(drawn).to_have_count(10)
    left = [*before[1:4], *before[5:]]
    assert drawn.evaluate_all(read) == left
    page.reload()
    expect(drawn).to_have_count(10)
    assert drawn.evaluate_all(read) == left
    navigate(page, "?view=runs")
    expect(drawn).to_have_count(0)
    page.go_back()
    expect(drawn).to_have_count(10)
    assert drawn.evaluate_all(read) == left
    ticks.nth(4).check()
    ticks.nth(0).check()
    expect(drawn).to_have_count(12)
    assert drawn.evaluate_all(read) == before


def test_each_loss_function_has_a_chart_of_its_own(page: Page, article_run: Json, bce_run: Json) -> None:
    page.goto(f"/?view=runs&jobs={article_run['id']},{bce_run['id']}")
    expect(page.locator(".overlay .plot")).to_have_count(2)
    expect(page.get_by_text("not on one scale")).to_be_visible()
    page.get_by_role("button", name=f"Unselect {bce_run['name']}").click()
    expect(page.locator(".overlay .plot")).to_have_count(1)


def test_values_are_read_with_pointer_and_keyboard_and_dragging_zooms(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=runs&jobs={article_run['id']}&smooth=0")
    value = page.locator(".overlay .values b")
    losses = httpx.get(page.url.split("?")[0] + f"jobs/{article_run['id']}/progress").json()["series"]["generator_loss"]
    expect(page.locator(".values-at span")).to_have_text("Mean of the last tenth")
    expect(value).to_have_text(f"{article_run['result']['generator_loss']:.3f}")
    expect(page.get_by_role("row").filter(has_text=article_run["name"]).locator(".c-generator_loss")).to_have_text(
        value.inner_text()
    )
    page.get_by_role("slider", name="Iteration of the values").focus()
    page.keyboard.press("Home")
    expect(value).to_have_text(f"{losses[0]:.3f}")
    box = page.locator(".overlay .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 9)
    label = page.locator(".values-at span")
    expect(label).to_contain_text(re.compile(r"4,9\d\d|5,0\d\d"))
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 30)
    page.mouse.up()
    page.wait_for_url(re.compile("span=(49|50)..-7[45]"))
    page.get_by_role("button", name="Whole run").click()
    expect(page).not_to_have_url(re.compile("span"))


def test_values_of_a_zoomed_axis_differ(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=runs&jobs={article_run['id']}&smooth=0")
    page.locator(".overlay .u-over").wait_for()
    page.evaluate(RECORD_DRAWN_TEXTS)
    navigate(page, f"/?view=runs&jobs={article_run['id']}&smooth=0&span=9150-9160")
    wait_for_js(page, "drawnTexts.length")
    values = [text for text in page.evaluate("drawnTexts") if "." in text]
    assert len(values) == len(set(values)) > 2


def test_only_visible_rows_are_drawn_and_keys_move_between_them(page: Page, many_runs: str) -> None:
    page.goto(f"/?view=runs&q={many_runs}")
    rows = page.locator(".runs tbody tr[data-place]")
    rows.nth(20).wait_for()
    assert rows.count() < 60
    page.locator(".runs tbody .tick input").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.locator("[data-place='3'] .tick input")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("[data-place='3'] .tick input")).to_be_checked()
    wait_for_js(
        page,
        "(document.querySelector('.rows').scrollTop += 2000,"
        " [...document.querySelectorAll('.runs a')].some((a) => a.textContent.endsWith('the oldest')))",
    )
    assert rows.count() < 60


def test_search_stays_visible_above_a_low_row(page: Page, many_runs: str) -> None:
    page.goto(f"/?view=runs&q={many_runs}")
    page.locator("[data-place='20']").wait_for()
    page.evaluate("document.querySelector('[data-place=\"20\"]').scrollIntoView({ block: 'center' })")
    assert page.evaluate("document.querySelector('.table-card').scrollTop") == 0
    for selector in (".table-tools", "[data-place='20'] .c-tick"):
        expect(page.locator(selector)).to_be_in_viewport(ratio=1)


def test_menu_of_another_run_opens_while_one_is_open(page: Page, many_runs: str) -> None:
    page.goto(f"/?view=runs&q={many_runs}")
    for place in (0, 2):
        page.locator(f"[data-place='{place}'] .dots").click()
        expect(page.locator("#run-menu")).to_be_visible()


def test_all_runs_that_match_are_selected_and_deleted(page: Page, server_url: str, many_runs: str) -> None:
    page.goto(f"/?view=runs&q={many_runs}")
    status = page.locator(".selection p")
    expect(status).to_have_text("Runs: more than 100")
    everything = page.get_by_role("checkbox", name="Select all")
    everything.check()
    expect(status).to_have_text(f"Selected: {MANY}")
    expect(everything).to_be_checked()
    expect(page.get_by_text(f"The first 40 of {MANY} selected runs are drawn.")).to_be_visible()
    expect(page.locator(".overlay .values tbody tr")).to_have_count(40)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No run matches.")).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(status).to_have_text(f"Selected: {MANY}")
    page.locator("[data-place='0'] .tick input").uncheck()
    expect(everything).to_be_checked(indeterminate=True)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.goto("/docs")  # ends the time for undo
    wait_until(lambda: len(httpx.get(f"{server_url}/jobs", params={"q": many_runs}).json()["data"]) == 1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"seed": 7}, "as the article · seed 7"),
        ({"learning_rate": 0.5, "hidden_size": 1, "generator_learning_rate": 0.5}, "rate 0.5 · 1 hidden unit"),
        ({"pattern": "1100", "latent": "uniform", "iterations": 2000}, "1100 · uniform latent · 2,000 iterations"),
        ({"experiment": "discriminator", "batch_size": 4}, "D alone · batches of 4"),
    ],
)
def test_row_says_what_differs_from_the_article(page: Page, server_url: str, settings: Json, says: str) -> None:
    name = f"n{time.time_ns()}"
    httpx.post(f"{server_url}/train", params={"wait": 9}, json={"name": name, **settings})
    page.goto(f"/?view=runs&q={name}")
    expect(page.locator(".runs tbody .c-name p")).to_have_text(says)


def test_settings_that_differ_have_columns(page: Page, server_url: str) -> None:
    runs: list[Json] = [
        {"hidden_size": 2, "iterations": 20},
        {"hidden_size": 16, "iterations": 20, "seed": 4},
        {"hidden_size": 16, "iterations": 20, "name": "mine"},
    ]
    jobs = [httpx.post(f"{server_url}/train", params={"wait": 9}, json=settings).json()["id"] for settings in runs]
    page.goto(f"/?view=runs&jobs={','.join(jobs)}")
    names = [f"1010 · {jobs[0][-4:]}", f"1010 · {jobs[1][-4:]}", "mine"]
    expect(page.locator(".values tbody th span")).to_have_text(names)
    table = page.get_by_role("table", name="Differences")
    expect(table.get_by_role("columnheader")).to_have_text(["Run", "Loss of G", "Hidden", "Bits", "In range from"])
    expect(table.locator("td:nth-child(3)")).to_have_text(["2", "16", "16"])


def test_row_names_every_pattern_that_the_run_makes(page: Page, two_patterns_run: Json) -> None:
    page.goto(f"/?view=runs&jobs={two_patterns_run['id']}")
    row = page.locator(".runs").get_by_role("row").filter(has_text=two_patterns_run["name"])
    expect(row.locator(".c-bits")).to_have_text("1010 + 0101")


def test_selected_rows_that_a_search_hides_are_counted(page: Page, article_run: Json, bce_run: Json) -> None:
    page.goto(f"/?view=runs&jobs={article_run['id']},{bce_run['id']}")
    status = page.locator(".selection p")
    expect(status).to_have_text("Selected: 2")
    page.get_by_role("searchbox").fill(bce_run["name"])
    expect(status).to_have_text("Selected: 2, not shown in the list: 1")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_enabled()


def test_shade_says_that_columns_are_cut(page: Page, article_run: Json) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto("/?view=runs")
    page.get_by_role("link", name=article_run["name"]).wait_for()
    rows = page.locator(".rows")
    expect(rows).to_contain_class("cut")
    rows.evaluate("(box) => (box.scrollLeft = box.scrollWidth)")
    expect(rows).not_to_contain_class("cut")


def test_phone_shows_either_the_list_or_the_chart(page: Page, article_run: Json) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto("/?view=runs")
    search = page.get_by_role("searchbox")
    search.fill(article_run["name"])
    page.get_by_role("checkbox", name=f"Compare {article_run['name']}").check()
    expect(page.locator(".chart-card")).to_be_hidden()
    page.get_by_role("button", name="Chart", exact=True).click()
    expect(page.locator(".overlay .values tbody tr")).to_have_count(1)
    expect(search).to_be_hidden()
    assert page.locator(".overlay .tools").evaluate("(box) => box.scrollWidth <= box.clientWidth")
    page.get_by_role("button", name="List", exact=True).click()
    expect(search).to_be_visible()
