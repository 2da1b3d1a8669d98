"""Sweep view: the plan, the map, and the members."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from service.cli.ranges import expand
from tests.page.conftest import NARROW, wait_for_js
from tests.service.cli.test_ranges import MALFORMED, RANGES
from tests.support.contract import wait_until

PLAN = "/?view=sweep&grid=learning_rate=0.001,0.03;hidden_size=3,5&seeds=8"
SMALL = {"base": {"iterations": 100}, "seeds": 2}


def _start(server_url: str, **body: object) -> str:
    return str(httpx.post(f"{server_url}/sweeps", params={"wait": 20}, json=SMALL | body).json()["id"])


def test_sweep_from_plan_to_member(page: Page) -> None:
    page.goto(PLAN)
    expect(page.get_by_role("status").filter(has_text="32 GANs to train, in 4 cells")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_url("**sweep=*")
    cells = page.locator("button.heat-cell")
    expect(cells).to_have_count(4)
    expect(page.locator(".map-head")).to_contain_text("finished")
    page.get_by_role("button", name="In range from iteration (median)").click()
    page.wait_for_url("**value=settled_at*")
    expect(page.get_by_text("fewer than half have settled")).to_be_visible()
    expect(page.locator("button.heat-cell.none")).to_have_count(2)  # at 0.001
    expect(page.locator(".best")).to_contain_text("Learning rate: 0.03")
    cells.first.click()
    rows = page.get_by_role("table", name="The members of this cell").locator("tbody tr")
    expect(rows).to_have_count(8)
    bits = rows.nth(2).locator(".bits").inner_text()
    rows.nth(2).get_by_role("button", name="Open").click()
    page.wait_for_url("**view=lab*")
    expect(page.locator(".outcome")).to_contain_text(f"G makes {bits}")
    assert page.evaluate("lab.session.run.config.seed") == 2


def test_sweep_is_paused_resumed_cancelled_and_deleted(page: Page, server_url: str) -> None:
    page.goto("/?view=sweep&grid=learning_rate=0.01,0.03;hidden_size=3,5&seeds=100000&called=the large one")
    page.get_by_role("button", name="Start the sweep").click()
    head, earlier = page.locator(".map-head"), page.get_by_role("navigation", name="Earlier sweeps")
    expect(earlier.get_by_role("link", name="the large one")).to_be_visible()
    for action, status in (("Pause", "paused"), ("Resume", "running"), ("Cancel", "cancelled")):
        page.get_by_role("button", name=f"{action}: the large one").click()
        expect(head).to_contain_text(status)
        expect(earlier.get_by_role("listitem").filter(has_text="the large one")).to_contain_text(status)
    expect(page.get_by_role("button", name="Run again")).to_have_count(0)
    page.get_by_role("button", name="Delete: the large one").click()
    expect(head).to_have_count(0)
    assert "sweep=" not in page.url
    expect(earlier.get_by_role("link", name="the large one")).to_have_count(0)
    page.goto("/docs")  # which sends the deletion
    wait_until(
        lambda: httpx.get(f"{server_url}/jobs", params={"kind": "sweep"}).json()["data"],
        lambda sweeps: all(sweep["iterations"] != 400_000 for sweep in sweeps),
    )


def test_double_click_loads_members_once(page: Page, server_url: str) -> None:
    page.goto(f"/?view=sweep&sweep={_start(server_url, seeds=50)}&cell=0")
    rows = page.get_by_role("table", name="The members of this cell").locator("tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="More", exact=True).dblclick()
    expect(rows).to_have_count(40)
    page.get_by_role("button", name="More", exact=True).click()
    expect(rows).to_have_count(50)
    seeds = [int(row.split()[0]) for row in rows.all_inner_texts()]
    assert seeds == list(range(50))


def test_ranges_mean_the_same_as_on_the_command_line(page: Page) -> None:
    page.goto("/?view=sweep")
    page.get_by_role("button", name="Start the sweep").wait_for()
    read = """async ([texts, whole]) => {
        const { expand } = await import("/assets/ranges.js");
        return texts.map((text) => { try { return expand(text, whole); } catch { return null; } });
    }"""
    texts = [*RANGES, "0.001..1 log 10", "7..123456 log 9"]
    for whole in (False, True):
        of_page = page.evaluate(read, [texts, whole])
        assert [list(map(_number, row)) for row in of_page] == [
            list(map(_number, expand(text, whole=whole))) for text in texts
        ]
    assert page.evaluate(read, [list(MALFORMED), False]) == [None] * len(MALFORMED)


def _number(text: str) -> float | None:
    return None if text == "null" else float(text)


def test_invalid_values_are_refused_while_typing(page: Page) -> None:
    page.goto("/?view=sweep")
    across = page.get_by_role("group", name="Across: Learning rate")
    for text, mistake in (
        ("0.01,20", "At most 10"),
        ("0.01,0.01", "Each value only once"),
        ("0.1..0.5", "Add a step or a count"),
        ("much", "Not a number"),
        ("", "A value is missing"),
    ):
        across.get_by_role("textbox").fill(text)
        expect(across.get_by_text(mistake)).to_be_visible()
    expect(page.get_by_text("Correct the marked values first.")).to_be_visible()
    expect(page.get_by_role("button", name="Start the sweep")).to_be_disabled()


def test_too_many_gans_are_refused(page: Page) -> None:
    page.goto("/?view=sweep&grid=hidden_size=1..2")
    page.get_by_label("Random seeds per cell").fill("900,000")
    expect(page.get_by_text("At most 1,000,000 GANs in one sweep")).to_be_visible()
    expect(page.get_by_role("button", name="Start the sweep")).to_be_disabled()


def test_plan_has_base_settings_and_any_number_of_fields(page: Page, server_url: str) -> None:
    page.goto("/?view=sweep&grid=hidden_size=1..2&seeds=1")
    vary = page.get_by_role("group", name="What varies")
    vary.get_by_role("button", name="Add a setting").click()
    page.get_by_role("group", name="Down").get_by_label("Setting").select_option("loss")
    expect(page.get_by_role("group", name="Down: Loss").get_by_role("checkbox", name="squared error")).to_be_checked()
    for name in page.get_by_role("group", name="Down: Loss").get_by_role("checkbox").all()[2:]:
        name.uncheck()
    vary.get_by_role("button", name="Add a setting").click()
    panels = page.get_by_role("group", name="Panels")
    panels.get_by_label("Setting").select_option("spread")
    panels.get_by_role("textbox").fill("\N{FULLWIDTH DIGIT ZERO}.1\N{FULLWIDTH COMMA}0.2")
    page.get_by_text("What stays the same").click()
    page.get_by_label("Preset").select_option("adam-orbit")
    page.locator("details").get_by_role("button", name="Add a setting").click()
    page.locator("details").get_by_label("Setting", exact=True).select_option("iterations")
    page.locator("details").get_by_role("textbox").fill("100")
    page.get_by_label("Name").fill("planned")
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_url("**sweep=*")
    config = httpx.get(f"{server_url}/jobs/{page.evaluate('new URLSearchParams(location.search).get(`sweep`)')}").json()
    assert config["config"] == {
        "base": {"preset": "adam-orbit", "iterations": 100},
        "grid": {"hidden_size": [1, 2], "loss": ["mse", "bce"], "spread": [0.1, 0.2]},
        "seeds": {"start": 0, "count": 1},
        "name": "planned",
    }
    entry = page.get_by_role("navigation", name="Earlier sweeps").get_by_role("listitem").filter(has_text="planned")
    expect(entry).to_contain_text(re.compile(r"2 . 2 . 2 cells . 1 seed · Adam, in orbit · Iterations: 100"))
    expect(entry.locator("time")).to_be_visible()


def test_another_setting_does_not_keep_the_values(page: Page) -> None:
    page.goto("/?view=sweep&grid=learning_rate=0.003,0.01")
    page.get_by_label("Setting", exact=True).first.select_option("hidden_size")
    expect(page.get_by_role("group", name="Across").get_by_role("textbox")).to_have_value("1..6")
    expect(page.get_by_text("NaN")).to_have_count(0)


def test_third_setting_has_panels_and_a_fourth_is_chosen(page: Page, server_url: str) -> None:
    grid = {"learning_rate": [0.01, 0.1], "hidden_size": [2, 3], "loss": ["mse", "bce"], "spread": [0.2, 0.1]}
    page.goto(f"/?view=sweep&sweep={_start(server_url, grid=grid)}")
    expect(page.get_by_role("heading", level=3)).to_have_text(["Loss: squared error", "Loss: cross-entropy"])
    expect(page.locator("button.heat-cell")).to_have_count(8)
    page.get_by_role("combobox", name="Spread of real data").select_option("0.2")
    page.get_by_role("combobox", name="Across").select_option("hidden_size")
    heads = page.locator(".panel").first.locator("thead th")
    expect(heads).to_have_text(["2", "3"])
    page.locator("button.heat-cell").nth(1).click()  # the row of 0.01, the column of 3, squared error, 0.2
    title = "Learning rate: 0.01 · Hidden units: 3 · Loss: squared error · Spread of real data: 0.2"
    expect(page.get_by_role("heading", name=f"Members: {title}")).to_be_visible()
    page.locator("button.heat-cell.chosen").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Members: Learning rate: 0.1 · Hidden units: 3")).to_be_visible()


@pytest.mark.parametrize("grid", [{}, {"loss": ["bce"]}])
def test_sweep_of_one_cell(page: Page, server_url: str, grid: dict[str, list[str]]) -> None:
    page.goto(f"/?view=sweep&sweep={_start(server_url, grid=grid)}")
    expect(page.locator("button.heat-cell")).to_have_count(1)
    expect(page.locator("table.heat caption")).not_to_contain_text("undefined")


def test_map_is_saved_as_picture_and_csv(page: Page, server_url: str, tmp_path: Path) -> None:
    page.goto(f"/?view=sweep&sweep={_start(server_url, grid={'hidden_size': [1, 2]}, name='a: b')}")
    for button, name, begin in (
        ("PNG", "a b In range.png", b"\x89PNG"),
        ("CSV of the cells", "a b results.csv", b"cell,hidden_size,count"),
        ("CSV of all GANs", "a b members.csv", b"index,cell,hidden_size,seed"),
    ):
        with page.expect_download() as download:
            page.get_by_role("button", name=button, exact=True).click()
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)


def test_map_is_readable_on_a_phone(page: Page, server_url: str) -> None:
    grid = {"learning_rate": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07], "hidden_size": [2, 3]}
    page.set_viewport_size(NARROW)
    page.goto(f"/?view=sweep&sweep={_start(server_url, grid=grid)}")
    expect(page.locator("button.heat-cell")).to_have_count(14)
    wait_for_js(page, "document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('button.heat-cell')].every((e) => e.scrollWidth <= e.clientWidth)"
    )
    assert page.locator(".shown").bounding_box()["y"] < page.locator(".plan").bounding_box()["y"]  # type: ignore[index]
