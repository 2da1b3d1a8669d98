"""Check of a run against PyTorch, in the lab."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.support.contract import Json


def test_run_is_checked_against_pytorch(page: Page, server_url: str) -> None:
    job = _train(server_url, name="to check")
    page.goto(f"/?view=lab&job={job['id']}")
    heights = "[...document.querySelectorAll('.lab [class*=of-] canvas')].map((e) => e.clientHeight)"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".response").wait_for()
    before = page.evaluate(heights)
    page.get_by_role("button", name="Check against PyTorch").click()
    check = page.get_by_role("region", name="Compiled code against PyTorch")
    expect(check).to_contain_text("They agree: no loss differs by more than", timeout=60_000)  # it loads PyTorch
    expect(check).to_contain_text(re.compile(r"PyTorch took .+, the compiled code .+: [\d,]+ times as long"))
    expect(check.locator("canvas")).to_have_count(2)
    assert all(now > 0.9 * old for now, old in zip(page.evaluate(heights), before, strict=True))
    expect(page.get_by_role("button", name="Check against PyTorch")).to_have_count(0)
    other = httpx.get(f"{server_url}/jobs/{page.url.partition('check=')[2]}").json()
    assert (other["name"], other["status"]) == ("to check · PyTorch", "succeeded")
    assert other["config"] == job["config"] | {"name": other["name"], "backend": "pytorch"}
    page.reload()
    expect(check).to_contain_text("They agree")
    check.get_by_role("button", name="Close").click()
    expect(check).to_have_count(0)
    page.get_by_role("button", name="Check against PyTorch").click()  # opens the same check
    expect(check).to_contain_text("They agree")
    assert page.url.endswith(other["id"])


def test_check_of_another_run_is_closed(page: Page, server_url: str) -> None:
    first, second = _train(server_url), _train(server_url, backend="pytorch", seed=4)
    page.goto(f"/?view=lab&job={first['id']}&check={second['id']}")
    expect(page.get_by_role("button", name="Check against PyTorch")).to_be_visible()
    assert "check=" not in page.url
    page.goto(f"/?view=lab&job={second['id']}")
    page.get_by_role("button", name="Check against compiled code").click()
    expect(page.get_by_text("They agree")).to_be_visible()


def _train(server_url: str, **settings: object) -> Json:
    body = {"seed": 3, "iterations": 60, "record_every": 1, **settings}
    return dict(httpx.post(f"{server_url}/train", params={"wait": 30}, json=body).json())
