"""Layout of the lab: what is in the window, and what fills the place of hidden panels."""

import re
from itertools import pairwise

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import NARROW, SECONDS, navigate, wait_for_js
from tests.support.contract import LONG_JOB, Json

SIZES = [(1000, 700), (1280, 720), (1440, 900), (1920, 1080), (2560, 1440)]
PANELS = ["train", "machine", "losses", "evolution", "surface", "response", "sample"]
BOXES = """Object.fromEntries(
  [...document.querySelectorAll(".lab > *, .player, .train .primary")].map((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const name = element.className.match(/of-(\\w+)|try|train|middle|player|primary/);
    return [name[1] ?? name[0], [left, right, top, bottom]];
  }))"""
RECORD_TEXTS = """
  window.drawn = [];
  const fillText = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const half = this.textAlign === "center" ? this.measureText(text).width / 2 : 0;
    const [size, on] = [parseFloat(this.font.match(/[\\d.]+px/)[0]), this.canvas.parentElement?.classList[1]];
    const { width } = this.measureText(text);
    drawn.push({ text: String(text), size, x, y, half, on, width, align: this.textAlign });
    fillText.apply(this, arguments);
  };
"""
SPANS_BELOW_THE_EVOLUTION = """(() => {
  const before = { left: 0, center: 0.5, right: 1 }; // the share of a text on the left of its place
  return drawn.filter(({ on, x }) => on === "evolution" && x > 20).map(({ x, y, width, align, text }) => {
    const left = x - width * before[align];
    return [y, left, left + width, text];
  });
})()"""
Box = tuple[float, float, float, float]


def test_panels_fill_the_window_whichever_is_hidden(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}")
    page.locator(".evolution").wait_for()
    page.evaluate("document.fonts.ready")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        navigate(page, f"?view=lab&job={article_run['id']}")
        boxes = page.evaluate(BOXES)
        assert boxes["primary"][3] <= boxes["player"][2], width
        if width >= 1280:
            for name in ("primary", "machine", "losses", "evolution"):
                left, right, top, bottom = boxes[name]
                assert min(left, top) >= 0, (width, name)
                assert right <= width, (width, name)
                assert bottom <= boxes["player"][2], (width, name)
        for hidden in ["", *PANELS, "watch", "player", "train,sample", "train,machine,surface"]:
            navigate(page, f"?view=lab&job={article_run['id']}&hide={hidden}")
            _check_grid(page.evaluate(BOXES), width, hidden)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, hidden


def _check_grid(boxes: dict[str, Box], width: int, hidden: str) -> None:
    """No two panels overlap, each row of charts has the same ends, and no column is empty."""
    panels = {name: box for name, box in boxes.items() if name not in ("player", "primary")}
    assert set(panels) & set(hidden.replace("sample", "try").split(",")) == set()
    for name, (left, right, top, bottom) in panels.items():
        for other, (left_2, right_2, top_2, bottom_2) in panels.items():
            apart = right <= left_2 + 1 or right_2 <= left + 1 or bottom <= top_2 + 1 or bottom_2 <= top + 1
            assert name == other or apart, (hidden, name, other)
    beside = [name for name in ("train", "try") if name in panels and panels[name][1] - panels[name][0] < 400]
    rows: dict[int, list[Box]] = {}
    for name, box in panels.items():
        if name not in beside:
            rows.setdefault(round(box[2]), []).append(box)
    ends = {(round(min(b[0] for b in row)), round(max(b[1] for b in row))) for row in rows.values()}
    assert len(ends) == 1, (hidden, ends)
    covered = [box[:2] for box in panels.values()]
    for x in range(26, width - 26, 4):
        assert any(left - 10 <= x <= right + 10 for left, right in covered), (hidden, x)


def test_texts_are_readable(browser: Browser, server_url: str, article_run: Json) -> None:
    with browser.new_context(base_url=server_url, locale="en-US", viewport={"width": 1280, "height": 720}) as context:
        page = context.new_page()
        page.add_init_script(RECORD_TEXTS)
        page.goto(f"/?view=lab&job={article_run['id']}")
        page.locator(".evolution").wait_for()
        texts = page.evaluate("drawn")
        assert {text["size"] for text in texts if text["size"] < 12} == set()
        assert {"0.10", "Generator G", "real 1"} <= {text["text"] for text in texts}
        key = next(text for text in texts if "D can only guess" in text["text"])
        ticks = [text for text in texts if re.fullmatch(r"0\.\d5?", text["text"]) and text["x"] < 60]
        assert all(tick["y"] > key["y"] for tick in ticks)  # the key of the dashed line is above the curves
        assert any(text["text"] == "0.25" and text["x"] > key["x"] for text in texts)  # and its value right of them
        sizes = "[...document.querySelectorAll('main *')].map((e) => parseFloat(getComputedStyle(e).fontSize))"
        assert min(page.evaluate(sizes)) >= 12


def test_values_and_rows_of_six_places_are_written_in_every_window(page: Page, server_url: str) -> None:
    body = {"pattern": "110010", "iterations": 1000}
    job = httpx.post(f"{server_url}/train", params={"wait": 30}, json=body).json()
    page.add_init_script(RECORD_TEXTS)
    page.goto(f"/?view=lab&job={job['id']}")
    page.locator(".evolution").wait_for()
    page.evaluate("document.fonts.ready")
    for size in ((380, 800), (768, 1024), *SIZES):
        page.evaluate("drawn.length = 0")
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))  # type: ignore[arg-type]
        page.evaluate(
            "new Promise(requestAnimationFrame).then(() => lab.player.setHover(null) ?? lab.player.seek(1000))"
        )
        page.evaluate("new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
        texts = page.evaluate("drawn")
        for chart, count in (("evolution", 60), ("machine", 12)):
            assert len(_places_of_values(page, chart)) >= count, (size, chart)
        rows = {round(text["y"]) for text in texts if text["on"] == "evolution" and text["x"] == 13}
        assert len(rows) >= 9, size  # all of the upper picture, and at least every other one of the lower
        assert all(text["size"] >= 12 for text in texts)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def _places_of_values(page: Page, chart: str) -> set[tuple[int, int]]:
    """Return where values are drawn on a chart."""
    return {
        (round(text["x"]), round(text["y"]))
        for text in page.evaluate("drawn")
        if text["on"] == chart and re.fullmatch(r"[01]?\.\d\d?", text["text"])
    }


def test_iterations_below_the_evolution_are_whole_and_apart(page: Page, server_url: str) -> None:
    body = {"iterations": 2_000_000, "snapshot_every": 20_000, "pattern": "1100101011", "hidden_size": 1}
    job = httpx.post(f"{server_url}/train", params={"wait": 30}, json=body, timeout=SECONDS).json()
    page.add_init_script(RECORD_TEXTS)
    for width, height in ((1280, 720), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"/?view=lab&job={job['id']}")
        wait_for_js(page, "drawn.some(({ text }) => text === '1,800,000')")
        chart = page.locator(".evolution canvas").bounding_box()["width"]  # type: ignore[index]
        spans: dict[float, set[tuple[float, float, str]]] = {}
        for y, left, right, text in page.evaluate(SPANS_BELOW_THE_EVOLUTION):
            assert right <= chart, text
            spans.setdefault(round(y), set()).add((left, right, text))
        for row in spans.values():
            assert all(one[1] + 8 < other[0] for one, other in pairwise(sorted(row))), row


@pytest.mark.parametrize("width", [1, 10, 11, 16])
def test_bits_of_wide_patterns_fit_the_form(page: Page, width: int) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"/?view=lab&pattern={'1' * width}%2B{'0' * width}")
    expect(page.locator(".pattern-bit")).to_have_count(2 * width)
    assert page.locator(".settings").evaluate("(box) => box.scrollWidth - box.clientWidth") == 0


def test_labels_of_both_scores_never_cross(page: Page) -> None:
    page.goto("/?view=lab")
    page.locator(".machine").wait_for()
    wrong = """import("/assets/charts/machine.js").then(({ apart }) => {
      const wrong = [];
      for (let first = 0; first <= 100; first++) for (let second = 0; second <= 100; second++) {
        const [a, b] = apart(first, second, 20, 8, 92);
        const ordered = first <= second ? b - a : a - b;
        if (ordered < 20 - 1e-9 || Math.min(a, b) < 8 || Math.max(a, b) > 92) wrong.push([first, second, a, b]);
      }
      return wrong.slice(0, 3);
    })"""
    assert page.evaluate(wrong) == []


def test_dialog_chooses_what_is_shown_and_copies_the_link(page: Page, article_run: Json) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/?view=lab&job={article_run['id']}&hide=watch")
    expect(page.locator(".machine")).to_have_count(0)
    page.get_by_role("button", name="What is shown").click()
    dialog = page.get_by_role("dialog", name="What is shown")
    dialog.get_by_role("checkbox", name="Networks").check()
    dialog.get_by_role("checkbox", name="Settings").uncheck()
    dialog.get_by_role("checkbox", name="Sweep").uncheck()
    expect(page.locator(".machine")).to_have_count(1)
    expect(page.locator(".losses, .train")).to_have_count(0)
    dialog.get_by_role("button", name="Copy the link").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("hide=losses,evolution,surface,response,train,sweep")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_presenter_mode_has_larger_type_and_ends(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}")
    page.get_by_role("button", name="Present").click()
    expect(page.locator("header")).to_be_hidden()
    wait_for_js(page, "document.fullscreenElement")
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
    texts = page.evaluate(
        "[...document.querySelectorAll('.lab *')].map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(texts) >= 15
    boxes = page.evaluate(BOXES)
    assert max(boxes[name][3] for name in ("primary", "machine", "evolution")) <= boxes["player"][2]
    page.keyboard.press("f")
    expect(page.locator("header")).to_be_visible()
    wait_for_js(page, "!document.fullscreenElement")


def test_hidden_units_are_added_and_removed(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}")
    page.get_by_role("button", name="One hidden unit more").click()
    wait_for_js(page, "lab.player.moment.D.hidden.length === 4")
    assert page.evaluate("lab.session.run.config.seed") == article_run["config"]["seed"]
    expect(page.get_by_label("Hidden units", exact=True)).to_have_value("4")
    page.goto("/?view=lab&hidden_size=2")
    page.get_by_role("button", name="One hidden unit less").click()
    wait_for_js(page, "lab.player.moment.D.hidden.length === 1")
    expect(page.get_by_role("button", name="One hidden unit less")).to_be_disabled()
    assert "job=" not in page.url


def test_marks_of_both_scores_are_seen_where_they_meet(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}")
    page.locator(".machine canvas").wait_for()
    shown = """([name, side]) => {
      const canvas = document.querySelector(".machine canvas");
      const [x, high] = [0.85 * canvas.width, canvas.height];
      const { data } = canvas.getContext("2d").getImageData(side < 0 ? x - 24 : x, 0.4 * high, 24, 0.2 * high);
      const style = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
      const colour = [1, 3, 5].map((at) => parseInt(style.slice(at, at + 2), 16));
      let count = 0;
      for (let k = 0; k < data.length; k += 4) if (colour.every((part, c) => data[k + c] === part)) count++;
      return count;
    }"""
    assert page.evaluate(shown, ["real", -1]) > 60  # pixels of a whole disc
    assert page.evaluate(shown, ["fake", 1]) > 60


@pytest.mark.parametrize("pattern", ["11001010", "1100101011110000"])
def test_values_of_wide_patterns_are_written_or_shown_by_pointing(page: Page, server_url: str, pattern: str) -> None:
    config = {"pattern": pattern, "iterations": 100, "hidden_size": 64}
    job = httpx.post(f"{server_url}/train", params={"wait": 30}, json=config).json()
    page.add_init_script(RECORD_TEXTS)
    for size in (NARROW, {"width": 1280, "height": 720}):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(f"/?view=lab&job={job['id']}")
        cells = page.locator(".sample .cell")
        expect(cells).to_have_count(len(pattern))
        fits = "[...document.querySelectorAll('.cell')].every((e) => e.textContent && e.scrollWidth <= e.clientWidth)"
        assert page.evaluate(fits)
        assert len(_places_of_values(page, "machine")) >= 2 * len(pattern), size
    assert len(_places_of_values(page, "evolution")) >= (0 if len(pattern) > 8 else 2 * len(pattern))
    assert ("point for values" in page.evaluate("drawn.map(({ text }) => text).join()")) == (len(pattern) > 8)
    canvas = page.locator(".evolution canvas").bounding_box()
    assert canvas
    page.mouse.move(canvas["x"] + 30, canvas["y"] + 2)
    first = page.evaluate("lab.player.run.samples[0].toFixed(2)")
    wait_for_js(page, f"drawn.some(({{ text }}) => text === 'Iteration 0, number 1: {first}')")
    assert page.evaluate("lab.player.moment.D.hidden.length") == 64
    page.goto("/?view=runs")
    page.locator(".c-bits").first.wait_for()
    assert page.evaluate("[...document.querySelectorAll('td.c-bits')].every((e) => e.scrollWidth <= e.clientWidth)")


def test_charts_below_the_window_show_the_moment_too(page: Page, article_run: Json) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"/?view=lab&job={article_run['id']}&at=0&speed=4")
    picture = "document.querySelector('.response canvas').toDataURL()"
    expect(page.locator(".response .caption")).to_contain_text("latent")
    before = page.evaluate(picture)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    after = page.evaluate(picture)
    page.locator(".response").scroll_into_view_if_needed()
    page.evaluate("new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
    assert before != after == page.evaluate(picture)


def test_live_is_lit_only_while_iterations_arrive(page: Page, server_url: str) -> None:
    job = httpx.post(f"{server_url}/train", json=LONG_JOB).json()
    page.goto(f"/?view=lab&job={job['id']}")
    live = page.locator(".player .live")
    expect(live).to_have_text("Live")
    expect(live).to_have_attribute("aria-pressed", "true")
    httpx.post(f"{server_url}/jobs/{job['id']}/pause")
    expect(live).to_have_text("paused")
    expect(live).to_have_attribute("aria-pressed", "false")
    expect(live.locator(".pulse")).to_have_count(0)
    httpx.post(f"{server_url}/jobs/{job['id']}/cancel")
    expect(live).to_have_count(0)
