"""Several patterns in the lab, and the guided path beyond the article."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gan1010 import PRESETS, sweep, train
from gan1010.results import Result
from tests.page.conftest import texts, wait_for_js
from tests.support.contract import Json


@pytest.fixture
def steps(page: Page) -> dict[str, Any]:
    """The steps of the path, as the page defines them."""
    page.goto("/?path=beyond")
    return dict(page.evaluate("import('/assets/views/beyond.js').then(({STEPS}) => STEPS)"))


def _result(settings: Json, seed: int) -> Result:
    preset = PRESETS[settings["preset"]]
    result = train(preset.config(seed=seed, **{k: v for k, v in settings.items() if k != "preset"})).result
    assert result
    return result


def _group(name: str, result: Result) -> int:
    """The group of outcomes: out of range, in range at the end, there to stay; or how many patterns are made."""
    if name not in ("chase", "brake"):
        return result.covered or 0
    return 2 if result.settled_at and result.settled_at <= 8000 else int(bool(result.in_range))


def test_the_gan_of_each_step_does_what_its_text_says(page: Page, steps: dict[str, Any]) -> None:
    seed = int(page.evaluate("import('/assets/views/beyond.js').then(({COLLAPSING}) => COLLAPSING)"))
    groups = {name: _group(name, _result(step["settings"], step.get("seed", seed))) for name, step in steps.items()}
    assert [name for name, step in steps.items() if groups[name] not in step["shows"]] == []
    penalty = steps["penalty"]
    assert _result(penalty["settings"] | {"r1": 0}, penalty["seed"]).covered == 1  # as the step's sentence says


def test_every_step_has_its_texts(page: Page, steps: dict[str, Any]) -> None:
    words = texts(page)
    parts = ("title", "sentence", "do", "seen", "swept")
    assert [key for name in steps for part in parts if (key := f"guided.{name}.{part}") not in words] == []


@pytest.mark.parametrize(
    ("step", "button", "seen", "swept"),
    [
        (1, "Train ten times as fast", "they chase each other", "Learning rate: 0.1"),
        (4, "Train with random latents", "This is mode collapse", "make both patterns"),
    ],
)
def test_step_trains_one_gan_and_sweeps_many(page: Page, step: int, button: str, seen: str, swept: str) -> None:
    page.goto(f"/?path=beyond&step={step}")
    page.get_by_role("button", name=button).click()
    expect(page.locator(".seen")).to_contain_text(seen)
    page.get_by_role("button", name="Train 200 seeds").click()
    expect(page.locator(".swept")).to_contain_text(swept)
    expect(page.locator(".swept")).to_contain_text("400 GANs")
    outcome = page.locator(".swept").inner_text()
    page.reload()
    expect(page.locator(".swept")).to_have_text(outcome, use_inner_text=True)
    page.get_by_role("button", name="Next step").click()
    expect(page.get_by_text(f"Step {step + 1} of 8")).to_be_visible()
    expect(page.locator(".seen")).to_have_count(0)


def test_bars_of_the_chase_and_the_sentence_agree(page: Page) -> None:
    page.goto("/?path=beyond")
    page.get_by_role("button", name="Train 200 seeds").click()
    expect(page.locator(".swept")).to_contain_text("All with: The article")
    bars = [str(bar.get_attribute("aria-label")) for bar in page.locator(".swept-bar").all()]
    stayed = [re.findall(r"in range for the last 2,000 iterations: (\d+%)", bar)[0] for bar in bars]
    assert re.findall(r"\d+%", page.locator(".swept > p").first.inner_text()) == stayed
    slow, fast = (sweep({"learning_rate": rate}, seeds=200).members.settled_at for rate in (0.01, 0.1))
    assert stayed == [f"{((settled > 0) & (settled <= 8000)).mean():.0%}" for settled in (slow, fast)]


PLACES_OF_A_REPLAY = """
async () => {
  const box = (part) => document.querySelector(part)?.getBoundingClientRect();
  const { player } = lab;
  const heights = [];
  for (let k = 0; k <= 20; k++) {
    player.seek((player.run.end * k) / 20);
    await new Promise((resume) => requestAnimationFrame(() => setTimeout(resume)));
    heights.push([".seen", ".made", ".halves"].map((part) => box(part)?.height));
  }
  const edges = { head: box(".head").bottom, bar: box(".player").top, charts: box(".halves").bottom };
  return { ...edges, top: box(".step-count").top, sentence: box(".sentence").bottom, heights };
}
"""

FOLLOW_BARS = """
async () => {
  const { player } = lab;
  const numbers = () => {
    const rows = [...document.querySelectorAll(".made dl > div")];
    const bars = rows.map((row) => Math.round(parseFloat(row.querySelector(".made-bar i").style.inlineSize)));
    const written = rows.map((row) => parseInt(row.querySelector("b").textContent));
    return [bars.slice(0, -1), written.slice(0, -1)];
  };
  const found = [];
  player.seek(0);
  player.speed = 4;
  player.play();
  while (player.playing) {
    await new Promise((resume) => requestAnimationFrame(() => setTimeout(resume)));
    const shares = player.at < player.run.end ? player.moment.cloud.shares : player.run.job.result.shares;
    const [bars, written] = numbers();  // what is written adds up to 100, so it may be rounded up or down
    const near = written.map((number, k) => (Math.abs(number - 100 * shares[k]) < 1 ? bars[k] : number));
    found.push([shares.map((share) => Math.round(100 * share)), bars, near].map(String));
  }
  return found;
}
"""


def test_bars_follow_the_moment(page: Page, server_url: str) -> None:
    settings = {"preset": "two-patterns", "batch_size": 1, "seed": 111}
    job = page.request.post(f"{server_url}/train?wait=9", data=settings).json()
    page.goto(f"/?path=beyond&step=4&b4={job['id']}")
    expect(page.locator(".made h3")).to_have_text("What G makes at the end")
    page.evaluate("lab.player.seek(3000)")
    expect(page.locator(".made h3")).to_have_text("What G makes now")
    found = page.evaluate(FOLLOW_BARS)
    assert len({moment[0] for moment in found}) > 2
    assert [moment for moment in found if len(set(moment)) > 1] == []


def test_strip_says_where_no_pattern_is_made(page: Page, two_patterns_run: Json) -> None:
    page.add_init_script("""
      const { fillText } = CanvasRenderingContext2D.prototype;
      window.written = new Set();
      CanvasRenderingContext2D.prototype.fillText = function (words, ...place) {
        if (this.canvas.closest(".response")) window.written.add(words);
        fillText.call(this, words, ...place);
      };
    """)
    page.goto(f"/?path=beyond&step=5&b5={two_patterns_run['id']}&at=0")
    expect(page.locator(".response")).to_contain_text("Strip: the pattern made")
    wait_for_js(page, "window.written.has('neither')")
    page.evaluate("written.clear()")
    page.keyboard.press("End")
    wait_for_js(page, "window.written.has('1010') && window.written.has('0101')")


def test_seed_that_does_something_else_is_not_said_to_collapse(page: Page, two_patterns_run: Json) -> None:
    page.goto(f"/?path=beyond&step=4&b4={two_patterns_run['id']}")
    expect(page.locator(".seen")).to_contain_text("does something else: G makes all patterns")
    expect(page.get_by_text("G makes all patterns")).to_have_count(1)


@pytest.mark.parametrize("number", range(1, 9))
def test_seed_of_each_step_shows_what_its_text_says(page: Page, number: int) -> None:
    page.goto(f"/?path=beyond&step={number}")
    words = texts(page)
    name = page.evaluate(f"import('/assets/views/beyond.js').then(({{STEPS}}) => Object.keys(STEPS)[{number - 1}])")
    page.locator(".step-text .row button").first.click()
    expect(page.locator(".seen")).to_have_text(words[f"guided.{name}.seen"])


@pytest.mark.parametrize(("number", "slopes"), [(1, 0), (3, 0), (4, 0), (7, 1)])
def test_training_shows_the_step_whole_and_still(page: Page, number: int, slopes: int) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"/?path=beyond&step={number}")
    page.locator(".step-text .row button").first.click()
    page.locator(".seen").wait_for()
    wait_for_js(page, "lab.player.run.ended")
    page.evaluate("lab.player.replay()")  # on a slow machine it is followed live instead
    wait_for_js(page, "lab.player.at > 0")
    places = page.evaluate(PLACES_OF_A_REPLAY)
    assert places["sentence"] <= places["head"] or places["top"] >= places["head"]  # hidden whole, or not at all
    assert places["charts"] <= places["bar"]
    assert len(set(map(str, places["heights"]))) == 1
    expect(page.get_by_text("mean of the run")).to_have_count(slopes)


def test_buttons_stay_below_the_header_of_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto("/?path=beyond&step=3")
    button = page.locator(".step-text .row button").first
    button.click()
    wait_for_js(page, "scrollY > 0 && document.querySelector('.seen')")
    tops = "(button) => [button.getBoundingClientRect().top, document.querySelector('.head').offsetHeight]"
    top, head = button.evaluate(tops)
    assert head <= top < 200


def test_no_networks_are_shown_before_training(page: Page) -> None:
    page.goto("/?path=beyond")
    expect(page.get_by_text("The first button trains one GAN")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)


def test_slope_of_the_chase_falls_with_r1_and_is_printed(page: Page, server_url: str) -> None:
    settings = {"preset": "article", "learning_rate": 0.1, "seed": 81}
    job = page.request.post(f"{server_url}/train?wait=9", data=settings).json()
    page.goto(f"/?path=beyond&step=2&b2={job['id']}")
    expect(page.locator(".seen")).to_contain_text(
        "For comparison: This seed ends out of range. The snapshots show that it left"
    )
    expect(page.locator(".surface .caption")).to_contain_text("mean of the run: 0.112")
    page.get_by_role("button", name="R1 penalty: 0.1").click()
    expect(page.locator(".seen")).to_contain_text("G arrives and stays")
    expect(page.locator(".surface .caption")).to_contain_text("mean of the run: 0.028")


def test_the_small_network_of_the_article_finds_neither_pattern() -> None:
    assert max(sweep(base={"pattern": "1010+0101"}, seeds=50).members.covered) == 0


def test_marked_moments_are_of_one_pattern_each(page: Page, server_url: str) -> None:
    settings = {"preset": "two-patterns", "batch_size": 1, "learning_rate": 0.005, "seed": 111}
    job = page.request.post(f"{server_url}/train?wait=9", data=settings).json()
    page.goto(f"/?path=beyond&step=4&b4={job['id']}")
    chips = page.locator(".made-moments button")
    expect(chips).to_have_text([re.compile("0101 at"), re.compile("1010 at")])
    for chip, place in zip(chips.all(), (1, 0), strict=True):
        chip.click()
        wait_for_js(page, f"lab.player.moment.cloud.shares[{place}] >= 0.95")
    page.evaluate("lab.player.seek(6000)")
    expect(page.locator(".made")).to_contain_text("On the way from 0101 to 1010")


def test_parts_of_a_whole_sum_to_100(page: Page) -> None:
    page.goto("/?path=beyond")
    expect(page.get_by_text("Step 1 of 8")).to_be_visible()
    parts = page.evaluate("""
      import('/assets/words.js').then(({ wholeParts }) =>
        [[1 / 3, 1 / 3, 1 / 3], [0.145, 0.145, 0.71], [0.815, 0.15, 0.035], [0.5, 0.5, 0], [0, 0, 1]].map(wholeParts))
    """)
    assert [sum(int(part.rstrip("%")) for part in whole) for whole in parts] == [100] * 5


def test_paths_lead_to_each_other_and_to_the_lab(page: Page, two_patterns_run: Json) -> None:
    page.goto("/")
    page.get_by_role("link", name="Beyond the article").click()
    expect(page.get_by_text("Step 1 of 8")).to_be_visible()
    page.get_by_role("link", name="The article", exact=True).click()
    expect(page.get_by_role("button", name="Train a GAN now")).to_be_visible()
    page.goto(f"/?path=beyond&step=8&b8={two_patterns_run['id']}")
    page.get_by_role("button", name="On to the lab").click()
    expect(page.get_by_role("heading", name=two_patterns_run["name"])).to_be_visible()


def test_bits_add_change_and_remove_patterns(page: Page) -> None:
    page.goto("/?view=lab&iterations=200")
    field = page.get_by_label("Pattern", exact=True)
    page.get_by_role("button", name="Add a pattern").click()
    expect(field).to_have_value("1010+0101")
    page.get_by_role("group", name="Pattern 0101").get_by_role("button", name="Place 1").click()
    expect(field).to_have_value("1010+1101")
    page.get_by_role("button", name="One place less").click()
    expect(field).to_have_value("101+110")
    page.get_by_role("button", name="Remove 101").click()
    expect(field).to_have_value("110")
    for _ in range(7):
        page.get_by_role("button", name="Add a pattern").click()
    expect(page.get_by_role("button", name="Add a pattern")).to_be_disabled()
    patterns = field.input_value().split("+")
    assert sorted(patterns) == [f"{number:03b}" for number in range(8)]
    page.get_by_role("form").get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".outcome")).to_contain_text("8 patterns")
    assert page.evaluate("lab.session.run.config.pattern") == "+".join(patterns)


def test_wrong_patterns_are_marked(page: Page) -> None:
    page.goto("/?view=lab")
    for text in ("1010+010", "1010+1010", "1010+", "0+1+00"):
        page.get_by_label("Pattern", exact=True).fill(text)
        expect(page.locator(".field .mistake")).to_be_visible()
        page.get_by_label("Pattern", exact=True).fill("1010+0101")
        expect(page.locator(".field .mistake")).to_have_count(0)


def test_page_makes_the_patterns_as_often_as_the_service_says(page: Page, two_patterns_run: Json) -> None:
    page.goto(f"/?view=lab&job={two_patterns_run['id']}&at=9900")
    page.locator(".made").wait_for()
    page.keyboard.press("End")
    shares = two_patterns_run["result"]["shares"]
    assert page.evaluate("lab.player.moment.cloud.shares") == pytest.approx(shares, abs=0.05)
    for pattern, share in zip(("1010", "0101"), shares, strict=True):
        row = page.locator(".made dl > div").filter(has_text=pattern)
        expect(row).to_contain_text(f"{share:.0%}")
    page.keyboard.press("Home")
    expect(page.locator(".made dl > div").first).to_contain_text("0%")


def test_losses_below_zero_are_drawn(page: Page, server_url: str) -> None:
    settings = {"loss": "minimax", "iterations": 500, "seed": 1}
    job = page.request.post(f"{server_url}/train?wait=9", data=settings).json()
    page.goto(f"/?view=lab&job={job['id']}&log=y")
    expect(page.get_by_role("button", name="log x")).to_be_visible()
    expect(page.get_by_role("button", name="log y")).to_have_count(0)


MEASURE_PLANES = """
async (patterns) => {
  const { planesOf } = await import("/assets/charts/surface.js");
  return planesOf(patterns).flatMap((plane) => plane.patterns.map(({ name, corner }) => {
    const bits = Array.from(name, Number);
    const located = plane.locate(bits, 0);
    const valuesAt = ([x, y]) => bits.map((_, i) => plane.value(i, x, y));
    const farthest = (values) => Math.max(...values.map((value, i) => Math.abs(value - bits[i])));
    const edge = Math.max(...plane.outline(corner, 0.2).map((point) => farthest(valuesAt(point))));
    return { name, off: farthest(valuesAt(located)), edge };
  }));
}
"""


PLANES = (
    "1010", "1111", "0", "1010+0101", "1000+1100", "111+110+100", "1010+0101+1100+0011", "00+01+10+11",
    "1000+0100+0010+0001", "000+001+010+011+100+101+110+111", "1100101011110000+1010101010101010+0000000000000001",
)  # fmt: skip


def test_planes_have_each_pattern_in_a_corner_of_its_own(page: Page) -> None:
    page.goto("/")
    for pattern in PLANES:
        found = page.evaluate(MEASURE_PLANES, pattern.split("+"))
        assert sorted(one["name"] for one in found) == sorted(pattern.split("+"))
        assert max(one["off"] for one in found) < 1e-3, pattern
        assert [one["edge"] for one in found] == pytest.approx([0.2] * len(found)), pattern
