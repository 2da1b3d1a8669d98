"""Files to take away: the archive, the pictures in the page's language and theme, and paper."""

import io
import itertools
import re
import zipfile
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import NARROW, wait_for_js
from tests.support.contract import Json

PAPER_WIDTH = 680  # of charts, in pixels
A4 = {"width": 794, "height": 1123}
DARK_CARD = (23, 28, 35)
TEXTS = {"losses.csv", "snapshots.json", "run.json", "train_gan.py", "train_gan_same_draws.py"}
NETWORKS = {f"{network}.{format}" for network in ("generator", "discriminator") for format in ("safetensors", "onnx")}
PICTURES = {f"pictures/{name}.png" for name in ("machine", "losses", "evolution", "surface", "response")}
DRAWINGS = {f"pictures/{name}.svg" for name in ("losses", "evolution", "surface")}
PIXELS = "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join()"


def test_archive_has_all_files_of_the_run(page: Page, server_url: str, article_run: Json, tmp_path: Path) -> None:
    page.goto(f"/?view=take&job={article_run['id']}")
    with page.expect_download() as download:
        page.get_by_role("button", name="All files as one ZIP").click()
    assert download.value.suggested_filename == f"{article_run['name']}.zip"
    download.value.save_as(tmp_path / "run.zip")
    size = round((tmp_path / "run.zip").stat().st_size / 1000)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_have_text(
        f"Saved: {article_run['name']}.zip, {size:,} KB"
    )
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert archive.testzip() is None
        content = {name.removeprefix(f"{article_run['name']}/"): archive.read(name) for name in archive.namelist()}
    assert content.keys() == TEXTS | NETWORKS | PICTURES | DRAWINGS
    id = article_run["id"]
    for name, path in (
        ("generator.safetensors", f"models/{id}/generator.safetensors"),
        ("train_gan.py", f"jobs/{id}/script.py"),
        ("snapshots.json", f"jobs/{id}/snapshots?weights=true"),
        ("pictures/losses.svg", f"jobs/{id}/plots/losses.svg"),
    ):
        assert content[name] == httpx.get(f"{server_url}/{path}").content, name
    assert content["losses.csv"].startswith(b"iteration,")


def test_all_pictures_show_the_moment_at_which_the_replay_was_left(page: Page, article_run: Json) -> None:
    page.goto(f"/?view=lab&job={article_run['id']}&at=2000")
    wait_for_js(page, "lab.player.run?.ended")
    page.evaluate("lab.player.play()")
    page.get_by_role("link", name="Take away").click()
    title = page.get_by_role("heading", name="Pictures at iteration")
    moment = title.inner_text().removeprefix("Pictures at iteration ")
    assert page.evaluate("[lab.player.playing, lab.player.at]") == [False, int(moment.replace(",", ""))]
    assert 2000 <= int(moment.replace(",", "")) < 10_000
    pictures = page.locator(".take-plot img")
    for k in range(3):  # networks, losses, evolution
        expect(pictures.nth(k)).to_have_attribute("alt", re.compile(f"teration {moment}"))
    page.get_by_role("button", name="Show the end").click()
    expect(title).to_have_text("Pictures at iteration 10,000")
    expect(pictures.first).to_have_attribute("alt", re.compile("^Networks. At iteration 10,000"))
    sizes = pictures.evaluate_all(
        "(images) => images.map((image) => `${image.naturalWidth} ${image.naturalHeight} ${image.clientHeight}`)"
    )
    assert len(sizes) == 5
    assert len(set(sizes)) == 1


def test_another_run_is_chosen(page: Page, article_run: Json, bce_run: Json) -> None:
    page.goto(f"/?view=take&job={article_run['id']}")
    expect(page.get_by_role("heading", name=article_run["name"])).to_be_visible()
    page.get_by_role("combobox", name="Run").select_option(bce_run["id"])
    expect(page.get_by_role("heading", name=bce_run["name"])).to_be_visible()
    link = page.get_by_role("link", name="discriminator.onnx")
    expect(link).to_have_attribute("href", f"models/{bce_run['id']}/discriminator.onnx")


def test_pictures_have_the_language_and_the_theme_of_the_page(
    browser: Browser, server_url: str, article_run: Json
) -> None:
    with browser.new_context(base_url=server_url, locale="zh-CN", color_scheme="dark") as context:
        page = context.new_page()
        page.goto(f"/?view=take&job={article_run['id']}")
        pictures = page.locator(".take-plot img")
        expect(pictures).to_have_count(5)
        assert "\N{CJK UNIFIED IDEOGRAPH-635F}" in (pictures.nth(1).get_attribute("alt") or "")
        with page.expect_download() as download:
            page.get_by_role("link", name="evolution.png").click()
        with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as image:
            assert image.width == 1760
            assert image.convert("RGB").getpixel((4, 4)) == DARK_CARD
        page.emulate_media(media="print")
        with Image.open(io.BytesIO(pictures.first.screenshot())) as image:
            assert min(image.convert("RGB").getpixel((9, 9))) > 240
        page.emulate_media(media="screen")
        dark = pictures.first.get_attribute("src")
        page.get_by_role("button", name="浅色").click()
        expect(pictures.first).not_to_have_attribute("src", dark or "")


def test_paper_is_light_and_has_no_controls(browser: Browser, server_url: str, article_run: Json) -> None:
    with browser.new_context(
        base_url=server_url, viewport=NARROW, locale="en-US", color_scheme="dark", reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.goto(f"/?view=lab&job={article_run['id']}")
        evolution = page.locator(".evolution canvas")  # outside the window
        expect(evolution).to_be_visible()
        dark = evolution.evaluate(PIXELS)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert evolution.evaluate("(canvas) => canvas.width") == PAPER_WIDTH
        page.emulate_media(media="print")
        assert page.locator("html").get_attribute("data-theme") == "light"
        assert evolution.evaluate(PIXELS) != dark
        for hidden in (page.locator(".head"), page.locator(".player"), page.get_by_role("button")):
            assert not any(element.is_visible() for element in hidden.all())
        expect(page.locator(".outcome")).to_be_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("html").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize(
    ("address", "blocks", "hidden"),
    [
        ("?step=5&job={job}", [".step-text", ".losses canvas", ".legend", ".seen"], ".step-text button"),
        ("?view=runs&jobs={job},{other}", [".overlay canvas", ".values", ".runs"], ".table-tools"),
        ("?view=sweep&sweep={sweep}", [".map-tools .chip", ".heat", ".best"], "text='Press a cell to see its GANs.'"),
    ],
)
def test_paper_has_charts_of_its_width_and_nothing_beside_them(
    page: Page, server_url: str, article_run: Json, bce_run: Json, address: str, blocks: list[str], hidden: str
) -> None:
    plan = {"grid": {"hidden_size": [2, 3]}, "base": {"iterations": 10}, "seeds": 1}
    sweep = httpx.post(f"{server_url}/sweeps", params={"wait": 30}, json=plan).json()["id"]
    page.goto("/" + address.format(job=article_run["id"], other=bce_run["id"], sweep=sweep))
    page.locator(blocks[-1]).wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    widths = page.locator(".u-wrap canvas").evaluate_all("(canvases) => canvases.map((canvas) => canvas.width)")
    assert set(widths) <= {PAPER_WIDTH}
    page.emulate_media(media="print")
    page.set_viewport_size(A4)
    boxes = [box for block in blocks if (box := page.locator(block).first.bounding_box())]
    assert len(boxes) == len(blocks)
    assert all(above["y"] + above["height"] <= below["y"] for above, below in itertools.pairwise(boxes))
    assert not any(element.is_visible() for element in page.locator(hidden).all())
