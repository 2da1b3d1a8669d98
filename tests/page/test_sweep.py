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


@pytest.mark.parametrize("width", [380, 768, 1280])
def test_opened_sweep_and_chosen_members_are_in_sight(page: Page, server_url: str, width: int) -> None:
    grid = {"learning_rate": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07], "hidden_size": [1, 2, 3, 4, 5, 6]}
    _start(server_url, grid=grid, seeds=20, name=f"opened at {width}")
    page.set_viewport_size({"width": width, "height": 720})
    page.goto("/?view=sweep")
    page.get_by_role("link", name=f"opened at {width}").click()
    title = page.get_by_role("heading", name=f"opened at {width}")
    expect(title).to_be_focused()
    _wait_until_in_sight(page, ".map-head h2")
    page.locator("button.heat-cell").nth(8).click()
    table = page.get_by_role("table", name="The members of this cell")
    expect(table.get_by_role("columnheader")).to_have_text(["Random seed", "Bits", "In range from iteration"])
    _wait_until_in_sight(page, ".members-of tbody tr:nth-child(3) td:nth-child(2)")


def _wait_until_in_sight(page: Page, selector: str) -> None:
    box = f"document.querySelector('{selector}').getBoundingClientRect()"
    head = "document.querySelector('.head').offsetHeight"
    wait_for_js(page, f"{box}.height && {box}.top >= {head} && {box}.bottom <= innerHeight")


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


def test_preview_has_a_panel_for_each_value_of_a_third_setting(page: Page) -> None:
    page.goto("/?view=sweep&grid=learning_rate=0.1,1;hidden_size=2,3;loss=mse,bce,minimax")
    titles = page.locator(".shown .panel h3")
    expect(titles).to_have_text(["Loss: squared error", "Loss: cross-entropy", "Loss: minimax"])
    expect(page.locator(".shown .heat-cell")).to_have_count(12)
    page.get_by_role("group", name="Down").get_by_role("textbox").fill("1..60")
    expect(titles).to_have_count(3)
    page.get_by_role("group", name="Across").get_by_role("textbox").fill("1..3 step 1")
    expect(page.get_by_text("and 1 more panel like it")).to_be_visible()


def test_settings_of_a_sweep_are_used_again(page: Page, server_url: str) -> None:
    plan = {
        "base": {"preset": "adam-orbit", "iterations": 100},
        "grid": {"hidden_size": [1, 2], "generator_learning_rate": [None, 0.1], "pattern": ["10", "10+01"]},
    }
    page.goto(f"/?view=sweep&sweep={_start(server_url, **plan, seeds=3)}")
    page.get_by_role("button", name="Use its settings").click()
    expect(page.get_by_role("heading", name="Plan a sweep")).to_be_focused()
    expect(page.get_by_label("Random seeds per cell")).to_have_value("3")
    page.get_by_label("Name").fill("again")
    page.get_by_role("button", name="Start the sweep").click()
    expect(page.locator(".map-head h2")).to_have_text("again")
    config = httpx.get(f"{server_url}/jobs", params={"kind": "sweep", "limit": 1}).json()["data"][0]["config"]
    assert config == plan | {"seeds": {"start": 0, "count": 3}, "name": "again"}


def test_figures_that_repeat_others_are_left_out(page: Page, server_url: str) -> None:
    figures = page.get_by_role("group", name="What the map shows").get_by_role("button")
    for settings, count in (({"pattern": "10"}, 4), ({"pattern": "10+01"}, 6), ({"latent": "uniform"}, 6)):
        grid = {"pattern": ["1010"]} | {name: [value] for name, value in settings.items()}
        page.goto(f"/?view=sweep&sweep={_start(server_url, grid=grid)}")
        expect(figures).to_have_count(count)


def test_ties_for_the_best_cell_are_named(page: Page, server_url: str) -> None:
    best = page.locator(".best")
    page.goto(f"/?view=sweep&sweep={_start(server_url, grid={'hidden_size': [1, 2]})}")
    expect(best).to_have_text("2 cells tie at the best value (In range: 0%).")  # after 100 iterations
    expect(page.locator(".star")).to_have_count(0)
    page.goto(f"/?view=sweep&sweep={_start(server_url, base={}, grid={'learning_rate': [0.001, 0.01, 0.03]})}")
    expect(best).to_contain_text("2 cells tie at the best value (In range: 100%).")
    expect(best).to_contain_text(re.compile(r"The best of them by .In range from iteration \(median\). \([\d,]+\):"))
    expect(best.get_by_role("button")).to_have_text("Learning rate: 0.03")


def test_bars_of_one_setting_are_as_long_as_their_values(page: Page, server_url: str) -> None:
    grid = {"learning_rate": [0.001, 0.1]}
    page.goto(f"/?view=sweep&value=generator_loss&sweep={_start(server_url, grid=grid)}")
    lengths = page.locator("button.heat-cell").evaluate_all(
        "(cells) => cells.map((cell) => cell.style.getPropertyValue('--length'))"
    )
    shown = [float(text) for text in page.locator("button.heat-cell span:not(.star)").all_inner_texts()]
    assert [float(length) for length in lengths] == pytest.approx([value / max(shown) for value in shown], abs=0.01)


def test_another_setting_does_not_keep_the_values(page: Page) -> None:
    page.goto("/?view=sweep&grid=learning_rate=0.003,0.01")
    page.get_by_label("Setting", exact=True).first.select_option("hidden_size")
    expect(page.get_by_role("group", name="Down").get_by_role("textbox")).to_have_value("1..6")
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
    expect(page.locator(".scroll.cut")).to_have_count(0)
    grid["learning_rate"] += [0.08, 0.09]
    page.goto(f"/?view=sweep&sweep={_start(server_url, grid=grid)}")
    expect(page.locator(".scroll.cut")).to_have_count(1)  # whose right edge fades
    page.locator(".scroll.cut").evaluate("(box) => box.scrollBy(1000, 0)")
    expect(page.locator(".scroll.cut")).to_have_count(0)
