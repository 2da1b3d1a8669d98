"""Languages: the same keys in both, and the choice between them."""

import re

import httpx
from playwright.sync_api import Browser, Page, expect

from service.api.routes.pages import PAGE
from tests.page.conftest import NARROW, navigate, texts
from tests.support.contract import Json

VIEWS = [
    "",
    "?path=beyond",
    "?step=1",
    "?step=4",
    "?step=5",
    "?step=6",
    "?view=lab",
    "?view=runs",
    "?view=sweep",
    "?view=take",
]
CHINESE_STOPS = "\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC FULL STOP}"
LINES = """(title) => {
    const range = document.createRange();
    const lines = {};
    [...title.firstChild.data].forEach((letter, k) => {
        range.setStart(title.firstChild, k);
        range.setEnd(title.firstChild, k + 1);
        const { top } = range.getBoundingClientRect();
        lines[top] = (lines[top] ?? "") + letter;
    });
    return Object.values(lines);
}"""
KEY = re.compile(r"\b[a-z]+\.[a-z_]+(\.[a-z_]+)?\b")
NOT_KEYS = {
    "losses.csv", "snapshots.json", "train_gan.py", "torch.nn", "generator.safetensors", "discriminator.safetensors",
    "generator.onnx", "discriminator.onnx", "run.json", "losses.svg", "evolution.svg", "surface.svg",
}  # fmt: skip


def test_languages_have_the_same_keys_and_placeholders(page: Page) -> None:
    page.goto("/")
    english, chinese = (texts(page, language) for language in ("en", "zh"))
    assert english.keys() == chinese.keys()
    for key, words in english.items():
        assert sorted(re.findall(r"\{\w+\}", words)) == sorted(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_key_in_the_scripts_has_words() -> None:
    words = "".join(path.read_text() for path in PAGE.glob("i18n/en*.js"))
    keys = set(re.findall(r'^  "([^"]+)": ', words, re.MULTILINE))
    subjects = {key.partition(".")[0] for key in keys}
    scripts = "".join(path.read_text() for folder in (".", "charts", "views") for path in PAGE.glob(f"{folder}/*.js"))
    literals = {key for key in re.findall(r'"([a-z]+(?:\.[\w-]+)+)"', scripts) if key.partition(".")[0] in subjects}
    assert literals - keys - NOT_KEYS == set()
    prefixes = set(re.findall(r"\bt\(`([\w.]+)\$", scripts))
    assert {prefix for prefix in prefixes if not any(key.startswith(prefix) for key in keys)} == set()


def test_browser_chooses_the_language_and_all_keys_are_translated(
    browser: Browser, server_url: str, article_run: Json
) -> None:
    for locale, language in (("zh-CN", "zh-Hans"), ("de-DE", "en")):
        with browser.new_context(base_url=server_url, locale=locale) as context:
            page = context.new_page()
            page.goto("/")
            for view in VIEWS:
                navigate(page, f"{view}{'&' if view else '?'}job={article_run['id']}")
                page.locator(".intro, .player, .page-head").first.wait_for()
                assert page.locator("html").get_attribute("lang") == language
                shown = {found.group() for found in KEY.finditer(page.locator("body").inner_text())}
                assert shown - NOT_KEYS == set()


def test_user_switches_the_language_and_the_page_remembers(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="直接训练一个 GAN")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="直接训练一个 GAN")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Train a GAN now")).to_be_visible()


def test_one_is_singular(page: Page, server_url: str) -> None:
    job = httpx.post(f"{server_url}/train", params={"wait": 10}, json={"iterations": 1, "record_every": 5}).json()
    page.goto(f"/?view=lab&job={job['id']}&pattern=1")
    expect(page.locator(".pattern-width")).to_have_text(re.compile(r"1 place\W*$"))
    expect(page.get_by_text("This run has recorded no losses")).to_be_visible()


def test_chinese_sentences_have_no_spaces_between_them_and_words_stay_whole(
    browser: Browser, server_url: str, article_run: Json
) -> None:
    with browser.new_context(base_url=server_url, locale="zh-CN", viewport=NARROW) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto("/")
        title = page.locator("h1")
        lines = title.evaluate(LINES)
        assert len(lines) > 1
        assert all(line[-1] in CHINESE_STOPS for line in lines)
        page.goto(f"/?view=lab&job={article_run['id']}")
        outcome = page.locator(".outcome")
        outcome.locator("b").wait_for()
        assert re.search(f"[{CHINESE_STOPS}] ", outcome.inner_text()) is None
