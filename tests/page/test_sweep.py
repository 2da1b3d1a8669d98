"""Sweep view: the plan, the map, and the members."""

import httpx
from playwright.sync_api import Page, expect


def test_sweep_from_plan_to_member(page: Page) -> None:
    page.goto("/?view=sweep&xs=0.001,0.03&ys=3,5&seeds=8")
    expect(page.get_by_text("32 GANs to train")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_url("**sweep=*")
    cells = page.locator("button.heat-cell")
    expect(cells).to_have_count(4)
    expect(page.locator(".map-head")).to_contain_text("finished")
    page.get_by_role("button", name="Settled at (median)").click()
    page.wait_for_url("**value=settled_at*")
    expect(page.get_by_text("fewer than half of the GANs have settled")).to_be_visible()
    cells.first.click()
    rows = page.get_by_role("table", name="The members of this cell").locator("tbody tr")
    expect(rows).to_have_count(8)
    bits = rows.nth(2).locator(".bits").inner_text()
    rows.nth(2).get_by_role("button", name="Open").click()
    page.wait_for_url("**view=lab*")
    expect(page.locator(".outcome")).to_contain_text(f"G makes {bits}")
    assert page.evaluate("lab.session.run.config.seed") == 2


def test_sweep_is_paused_resumed_cancelled_and_deleted(page: Page, server_url: str) -> None:
    page.goto("/?view=sweep&xs=0.01,0.03&ys=3,5&seeds=100000")
    page.get_by_role("button", name="Start the sweep").click()
    head, earlier = page.locator(".map-head"), page.get_by_role("navigation", name="Earlier sweeps")
    expect(earlier.get_by_role("link", name="400,000 GANs")).to_be_visible()
    for action, status in (("Pause", "paused"), ("Resume", "running"), ("Cancel", "cancelled")):
        page.get_by_role("button", name=f"{action}: 400,000 GANs").click()
        expect(head).to_contain_text(status)
        expect(earlier.get_by_role("listitem").filter(has_text="400,000 GANs")).to_contain_text(status)
    expect(page.get_by_role("button", name="Run again")).to_have_count(0)
    page.get_by_role("button", name="Delete: 400,000 GANs").click()
    expect(head).to_have_count(0)
    assert "sweep=" not in page.url
    sweeps = httpx.get(f"{server_url}/jobs", params={"kind": "sweep"}).json()["data"]
    assert all(sweep["iterations"] != 400_000 for sweep in sweeps)


def test_double_click_loads_members_once(page: Page, server_url: str) -> None:
    body = {"base": {"iterations": 100}, "seeds": 50}
    job = httpx.post(f"{server_url}/sweeps", params={"wait": 10}, json=body).json()
    page.goto(f"/?view=sweep&sweep={job['id']}&cell=0")
    rows = page.get_by_role("table", name="The members of this cell").locator("tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="More", exact=True).dblclick()
    expect(rows).to_have_count(40)
    page.get_by_role("button", name="More", exact=True).click()
    expect(rows).to_have_count(50)
    seeds = [int(row.split()[0]) for row in rows.all_inner_texts()]
    assert seeds == list(range(50))


def test_invalid_plan_is_refused_while_typing(page: Page) -> None:
    page.goto("/?view=sweep")
    start = page.get_by_role("button", name="Start the sweep")
    page.locator("input").first.fill("0.01,20")
    expect(page.get_by_text("At most 10")).to_be_visible()
    expect(start).to_be_disabled()
    page.locator("input").first.fill("0.01,0.01")
    expect(page.get_by_text("Each value only once")).to_be_visible()
    page.locator("input").first.fill("0.01")
    page.get_by_label("Random seeds per cell").fill("900000")
    expect(page.get_by_text("At most 1,000,000 GANs in one sweep")).to_be_visible()
    expect(start).to_be_disabled()


def test_map_has_a_row_for_each_other_combination(page: Page, server_url: str) -> None:
    grid = {"learning_rate": [0.01, 0.1], "hidden_size": [2, 3], "loss": ["mse", "bce"]}
    body = {"base": {"iterations": 100}, "grid": grid, "seeds": 2}
    job = httpx.post(f"{server_url}/sweeps", params={"wait": 10}, json=body).json()
    page.goto(f"/?view=sweep&sweep={job['id']}")
    expect(page.locator("button.heat-cell")).to_have_count(8)
    heads = page.locator("table.heat tbody th").all_inner_texts()
    assert heads == ["2 · squared error", "2 · cross-entropy", "3 · squared error", "3 · cross-entropy"]


def test_sweep_without_a_grid_is_one_cell(page: Page, server_url: str) -> None:
    body = {"base": {"iterations": 100}, "seeds": 2}
    job = httpx.post(f"{server_url}/sweeps", params={"wait": 10}, json=body).json()
    page.goto(f"/?view=sweep&sweep={job['id']}")
    expect(page.locator("button.heat-cell")).to_have_count(1)
    expect(page.locator("table.heat caption")).not_to_contain_text("undefined")
