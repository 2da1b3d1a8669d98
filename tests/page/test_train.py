"""Training form, and live updates of a running job."""

from playwright.sync_api import Page, Route, expect

from tests.page.conftest import wait_for_js
from tests.support.contract import LONG_JOB, Json


def test_bounds_are_checked_while_typing(page: Page) -> None:
    page.goto("/?view=lab")
    for label, text, mistake in (
        ("Pattern", "1012", "1 to 16 characters, each 0 or 1"),
        ("Iterations", "0", "At least 1"),
        ("Iterations", "10,000,001", "At most 10,000,000"),
        ("Iterations", "1.5", "Must be a whole number"),
        ("Iterations", "1,00", "Not a number"),
        ("Iterations", "10.000", "Write 10 or 10000: the point is ambiguous"),
        ("Learning rate", "0", "More than 0"),
        ("Learning rate", "10.1", "At most 10"),
        ("Hidden units", "many", "Not a number"),
        ("Hidden units", "", "A value is missing"),
    ):
        field = page.get_by_label(label, exact=True)
        before = field.input_value()
        field.fill(text)
        expect(page.locator(".field .mistake")).to_have_text(mistake)
        expect(page.locator("form > .mistake")).to_have_text(f"Please correct: {label}: {mistake}")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("form").get_by_role("button", name="Train", exact=True)).to_be_disabled()
        field.fill(before)


def test_numbers_and_patterns_are_read_as_people_write_them(page: Page) -> None:
    page.goto("/?view=lab")
    for label, text in (
        ("Pattern", " 1 1 0\N{FULLWIDTH COMMA} 001 "),
        ("Iterations", "2,000"),
        ("Hidden units", "\N{FULLWIDTH DIGIT FOUR}"),
        ("Learning rate", " 0.02 "),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("form").get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url("**job=*")
    expect(page.locator(".run-head .outcome")).to_contain_text("G makes")
    config = page.evaluate("lab.session.run.config")
    assert (config["pattern"], config["iterations"]) == ("110+001", 2000)
    assert (config["hidden_size"], config["learning_rate"]) == (4, 0.02)


def test_further_settings_stay_open_and_show_their_errors(page: Page) -> None:
    page.goto("/?view=lab&batch_size=0")
    expect(page.locator(".field .mistake")).to_have_text("At least 1")
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Batch size", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Batch size: At least 1").click()
    expect(page.get_by_label("Batch size", exact=True)).to_be_focused()
    page.get_by_label("Batch size", exact=True).fill("1")
    expect(page.locator(".mistake")).to_have_count(0)
    expect(page.get_by_label("Batch size", exact=True)).to_be_visible()
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Batch size", exact=True)).to_be_hidden()


def test_run_and_form_say_what_they_are(page: Page, bce_run: Json) -> None:
    page.goto(f"/?view=lab&job={bce_run['id']}")
    summary, shown = page.locator(".run-settings summary"), page.locator(".as-shown")
    preset = page.get_by_label("Preset")
    expect(summary).to_have_text("Unlike the article: Loss: cross-entropy")
    summary.click()
    expect(page.locator(".run-settings")).to_contain_text("As in the article: Pattern: 1010 · Iterations: 10,000")
    expect(page.get_by_role("heading", name="The next run")).to_be_visible()
    expect(shown).to_contain_text("Unlike the run that is shown: Loss.")
    page.get_by_label("Hidden units", exact=True).fill("5")
    expect(shown).to_contain_text("Unlike the run that is shown: Hidden units, Loss.")
    expect(preset.locator("option:checked")).to_have_text("Own settings")
    expect(page.locator("#preset-known")).to_contain_text("Changed from the preset")
    page.get_by_role("button", name="Use its settings").click()
    expect(shown).to_have_text("Same settings and seed as the run shown: the same result.")
    expect(preset.locator("option:checked")).to_have_text("With cross-entropy")
    page.get_by_label("Learning rate", exact=True).fill("0.1")
    preset.select_option("article")
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.01")
    expect(preset).to_have_value("article")


def test_settings_are_trained_and_in_the_address(page: Page) -> None:
    page.goto("/?view=lab")
    page.get_by_label("Pattern", exact=True).fill("110")
    page.get_by_role("radio", name="cross-entropy").check()
    page.get_by_label("Random seed", exact=True).fill("7")
    page.get_by_role("form").get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url("**job=*")
    expect(page.locator(".outcome")).to_contain_text("G makes 110")
    expect(page.locator(".outcome")).to_contain_text("Random seed 7")
    assert page.evaluate("lab.session.run.config.loss") == "bce"
    assert {"pattern=110", "loss=bce", "seed=7"} <= set(page.url.partition("?")[2].split("&"))


def test_pytorch_trains_the_settings_of_the_form(page: Page) -> None:
    page.goto("/?view=lab&iterations=200&seed=7&backend=pytorch")
    expect(page.get_by_role("radio", name="PyTorch")).to_be_checked()
    page.get_by_role("form").get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".outcome")).to_contain_text("Random seed 7, trained with PyTorch", timeout=60_000)
    assert page.evaluate("lab.session.run.points.iteration.length") == 40


def test_seed_is_locked_and_unlocked(page: Page) -> None:
    page.goto("/?view=lab")
    train = page.get_by_role("form").get_by_role("button", name="Train", exact=True)
    train.click()
    page.locator(".outcome").get_by_text("Random seed").wait_for()
    seed = str(page.evaluate("lab.session.run.config.seed"))
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(page.get_by_label("Random seed", exact=True)).to_have_value(seed)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_label("Random seed", exact=True)).to_have_value("")
    page.get_by_role("button", name="Roll").click()
    expect(page.get_by_label("Random seed", exact=True)).not_to_have_value("")


def test_preset_sets_fields_and_shows_what_is_known(page: Page) -> None:
    page.goto("/?view=lab")
    page.get_by_label("Preset").select_option("adam-orbit")
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.001")
    expect(page.get_by_role("radio", name="Adam")).to_be_checked()
    expect(page.get_by_text("52% in range")).to_be_visible()


def test_one_hint_is_shown_beside_the_panel(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto("/?view=lab")
    shown = page.get_by_role("tooltip")
    for act, label, words in (
        ("focus", "Learning rate", "How far each step goes"),
        ("hover", "Iterations", "Rounds of the three steps"),  # while the other field has the focus
        ("hover", "Random seed", "The start of all random numbers"),  # below the fold of the panel
    ):
        getattr(page.get_by_label(label, exact=True), act)()
        expect(page.get_by_role("tooltip", name=words)).to_be_visible()
        expect(shown).to_have_count(1)
        field = page.get_by_label(label, exact=True).bounding_box()
        hint, form = shown.bounding_box(), page.locator("#train").bounding_box()
        assert hint is not None
        assert form is not None
        assert field is not None
        assert hint["x"] >= form["x"] + form["width"]
        assert abs(hint["y"] - field["y"]) < 60


def test_numbers_are_written_alike_and_edited_as_they_are(page: Page) -> None:
    page.goto("/?view=lab")
    field = page.get_by_label("Iterations", exact=True)
    expect(field).to_have_value("10,000")
    field.focus()
    expect(field).to_have_value("10000")
    page.keyboard.press("End")
    page.keyboard.type("0")
    expect(field).to_have_value("100000")
    field.blur()
    expect(field).to_have_value("100,000")
    assert "iterations=100000" in page.url


def test_untrained_networks_are_those_of_the_form(page: Page) -> None:
    page.goto("/?view=lab&preset=two-patterns")
    wait_for_js(page, "lab.player.run.patterns.length === 2 && lab.player.moment.D.hidden.length === 8")
    page.get_by_label("Pattern", exact=True).fill("110010")
    wait_for_js(page, "lab.player.run.width === 6")
    page.get_by_label("Pattern", exact=True).fill("1100x")  # not valid, so the picture stays
    expect(page.locator(".field .mistake")).to_have_count(1)
    assert page.evaluate("lab.player.run.config.pattern") == "110010"


def test_long_run_updates_live_until_cancelled(page: Page, server_url: str) -> None:
    job = page.request.post(f"{server_url}/train", data=LONG_JOB).json()
    page.goto(f"/?view=lab&job={job['id']}")
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    wait_for_js(page, "lab.session.run.points.iteration.length > 3")
    before = page.evaluate("lab.session.run.points.iteration.length")
    wait_for_js(page, f"lab.session.run.points.iteration.length > {before}")
    wait_for_js(page, "lab.session.run.end > 0")
    end = page.evaluate("lab.session.run.end")
    page.goto(f"/?view=lab&job={job['id']}&at={end}")
    wait_for_js(page, f"lab.session.run?.end > {end}")
    assert page.evaluate("lab.player.at") == end
    live = page.get_by_role("button", name="Live")
    expect(live).to_have_attribute("aria-pressed", "false")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    assert "at=" not in page.url
    page.get_by_role("button", name="Cancel: ").press("Enter")
    expect(page.locator(".run-head .status")).to_contain_text("cancelled")
    expect(page.locator(".run-head h2")).to_be_focused()
    expect(page.locator(".run-head .outcome")).to_contain_text("Cancelled.")
    written = "document.querySelector('.player .at span').textContent"
    wait_for_js(page, f"{written} === ` of ${{lab.player.run.end.toLocaleString('en')}} iterations`")
    expect(page.get_by_role("button", name="Live")).to_have_count(0)
    iterations = page.evaluate("[...lab.session.run.points.iteration.values]")
    assert iterations == sorted(set(iterations))


def test_second_press_on_pause_resumes(page: Page, server_url: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    job = page.request.post(f"{server_url}/train", data={**LONG_JOB, "name": 10 * "long name "}).json()
    page.goto(f"/?view=lab&job={job['id']}")
    pause = page.get_by_role("button", name="Pause: ")
    box = pause.bounding_box()
    assert box
    x, y = box["x"] + 10, box["y"] + 10
    page.mouse.click(x, y)
    expect(page.get_by_role("button", name="Resume: ")).to_be_focused()
    page.mouse.click(x, y)
    expect(pause).to_be_focused()
    page.request.post(f"{server_url}/jobs/{job['id']}/cancel")


def test_paused_run_shows_its_last_snapshot(page: Page, server_url: str) -> None:
    job = page.request.post(f"{server_url}/train", data=LONG_JOB).json()
    page.goto(f"/?view=lab&job={job['id']}")
    page.clock.install()
    page.get_by_role("button", name="Pause: ").click()
    expect(page.locator(".player .live")).to_have_text("paused")
    last = page.request.get(f"{server_url}/jobs/{job['id']}/snapshots").json()["iterations"][-1]
    expect(page.locator(".player .at b")).to_have_text(f"{last:,}")
    page.request.post(f"{server_url}/jobs/{job['id']}/cancel")


def test_training_waits_for_the_presets(page: Page) -> None:
    held: list[Route] = []
    page.route("**/presets", lambda route: held.append(route))
    page.goto("/?view=lab&preset=discriminator-alone")
    button = page.get_by_role("form").get_by_role("button", name="Train", exact=True)
    expect(button).to_be_disabled()
    page.get_by_label("Learning rate", exact=True).fill("0.01")
    held[0].continue_()
    button.click()
    page.locator(".outcome").get_by_text("noise").wait_for()
    assert page.evaluate("lab.session.run.config.preset") == "discriminator-alone"


def test_d_scores_the_vector_at_once(page: Page) -> None:
    page.add_init_script("Math.random = () => 0.5")  # so that a real draw is the centre of the real region
    page.goto("/?view=lab&preset=discriminator-alone&seed=1")
    page.get_by_role("form").get_by_role("button", name="Train", exact=True).click()
    page.locator(".outcome").get_by_text("noise").wait_for()
    page.keyboard.press("End")
    page.get_by_role("button", name="Real", exact=True).click()
    expect(page.locator(".score .verdict")).to_contain_text("takes it for real")
    for place in range(4):
        page.get_by_role("slider", name=f"Place {place + 1}").fill("0.5" if place % 2 else "0.1")
    expect(page.locator(".score .verdict")).to_contain_text("takes it for fake")
