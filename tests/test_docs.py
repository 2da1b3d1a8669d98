"""The documentation: every example runs as it stands, and every command, option, route and setting is documented."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from inspect import ismodule
from pathlib import Path
from textwrap import indent

import pytest
from matplotlib import pyplot
from typer.main import get_command

import gan1010
from service.cli import command_line
from service.settings import Settings
from tests.support.clients import app_client, clean_environment, free_port

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}

COMMANDS = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"


def _blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page.

    `bash` has curl examples, `shell` commands, `sh` what needs another machine, `python` programs, `py` excerpts.
    """
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.DOTALL | re.MULTILINE)


def _run_script(lines: list[str], folder: Path, **environment: str) -> None:
    script = "set -euo pipefail\n" + "\n".join(lines)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder, env=clean_environment(**environment), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.fixture(scope="module")
def curl_folders(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each page, a folder in which its curl examples have run in order; an error status fails them."""
    folders = {page: tmp_path_factory.mktemp(page) for page in PAGES}
    curl = 'curl() { command curl --fail-with-body --silent --show-error "$@"; }'
    for page, folder in folders.items():
        lines = [block.replace("localhost:8000", server_url.removeprefix("http://")) for block in _blocks(page, "bash")]
        _run_script([curl, *(line.replace("python3 ", f"{sys.executable} ") for line in lines)], folder)
    return folders


def test_curl_examples_download_their_files(curl_folders: dict[str, Path]) -> None:
    assert {file.name for file in curl_folders["http"].iterdir()} == {
        "generator.safetensors", "discriminator.safetensors", "losses.svg", "evolution.png", "surface.png", "script.py",
        "same_draws.py",
        "heatmap.png", "members.csv", "members.npz", "snapshots.npz", "vectors.f32", "scores.f32", "generator.onnx",
        "triton.zip",
    }  # fmt: skip


@pytest.mark.parametrize(("page", "block"), [(page, block) for page in PAGES for block in _blocks(page, "python")])
def test_python_example_runs(
    page: str, block: str, curl_folders: dict[str, Path], server_url: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(curl_folders[page], tmp_path / "here")
    program = block.replace("localhost:8000", server_url.removeprefix("http://"))
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, timeout=120)


def test_study_is_that_of_the_guide() -> None:
    assert (ROOT / "tests" / "gan1010" / "study.py").read_text() in _blocks("python", "python")


def test_steps_in_the_guide_are_those_of_the_reference() -> None:
    def without_blank_lines(text: str) -> str:
        return re.sub(r"\n+", "\n", text)

    source = without_blank_lines((ROOT / "gan1010" / "reference.py").read_text())
    for block in _blocks("python", "py"):
        assert without_blank_lines(indent(block, "    ")) in source


@pytest.mark.parametrize("page", ["README", "command-line"])
def test_commands_run(page: str, server_url: str, tmp_path: Path) -> None:
    short_job = "gan1010 train --iterations 500\n"  # which `verify` repeats in PyTorch
    blocks = [block.replace("gan1010 verify\n", f"{short_job}gan1010 verify\n") for block in _blocks(page, "shell")]
    _run_script(blocks, tmp_path, GAN1010_URL=server_url, PATH=COMMANDS)
    assert (tmp_path / "models" / "generator.safetensors").exists()


def test_commands_start_and_use_a_cluster(tmp_path: Path) -> None:
    scheduler, service = str(free_port()), str(free_port())
    start, use = (block.replace("8786", scheduler) for block in _blocks("cluster", "shell"))
    start = start.replace("dask scheduler", f"dask scheduler --port {scheduler} --dashboard-address 127.0.0.1:0")
    wait = f"until curl --silent 127.0.0.1:{service}/cluster | grep trusted; do sleep 0.1; done"
    settings = {"GAN1010_PORT": service, "GAN1010_URL": f"http://127.0.0.1:{service}"}
    lines = ["trap 'kill -9 $(jobs -p); wait' EXIT", start, wait, use, "gan1010 cluster > cluster.txt"]
    _run_script(lines, tmp_path, PATH=COMMANDS, **settings)
    assert re.search(
        r"^Status +connected, \d+ threads?, 0 shards in flight *$", (tmp_path / "cluster.txt").read_text(), re.M
    )


def test_every_command_and_option_is_documented() -> None:
    for name, command in get_command(command_line()).commands.items():  # type: ignore[attr-defined]
        row = next(line for line in PAGES["command-line"].splitlines() if re.match(rf"\| `{name}( .*)?` \|", line))
        options = [text for option in command.params for text in (*option.opts, *option.secondary_opts)]
        place = PAGES["operations"] if name == "serve" else row
        missing = [text for text in options if text.startswith("-") and text != "--help" and f"`{text}`" not in place]
        assert missing == [], f"gan1010 {name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_curl_command_is_in_a_block_that_runs(page: str) -> None:
    blocks = "".join(_blocks(page, "bash"))
    assert len(re.findall(r"(?<!/)curl ", PAGES[page])) == blocks.count("curl ")  # but /usr/bin/curl of a unit


def test_every_route_is_documented(tmp_path: Path) -> None:
    with app_client(tmp_path) as client:
        paths = client.get("/openapi.json").json()["paths"]
    text = re.sub(r"\$JOB|\$LONG|\$SWEEP", "{job_id}", PAGES["http"]).replace("members/42/", "members/{index}/")
    text = re.sub("generator.safetensors|surface.png|heatmap.png", "{file}", text)
    text = re.sub("(/v2/(repository/)?models/)(generator|discriminator)", r"\1{name}", text)
    missing = [path for path in paths if not re.search(rf"localhost:8000{re.escape(path)}(?![/\w])", text)]
    assert missing == []


def test_every_setting_is_documented_with_its_flag_and_default() -> None:
    for name, field in Settings.model_fields.items():
        row = next(line for line in PAGES["operations"].splitlines() if line.startswith(f"| `GAN1010_{name.upper()}`"))
        assert f"`--{name.replace('_', '-')}`" in row
        assert name == "workers" or f"| {field.default or 'none'} |" in row.replace("true", "True")


@pytest.mark.parametrize("page", PAGES)
def test_links_and_named_files_exist(page: str) -> None:
    folder = ROOT if page == "README" else ROOT / "docs"
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]) if "://" not in link]
    named = re.findall(r"`((?:gan1010|service|tests|docs)/[\w./-]+)`", PAGES[page])
    missing = [link for link in links if not (folder / link).exists()]
    assert missing + [name for name in named if not (ROOT / name).exists()] == []


def test_reference_has_every_public_name_and_no_warning(tmp_path: Path) -> None:
    command = [sys.executable, "docs/reference.py", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for module in (gan1010, gan1010.plots, gan1010.client):
        page = (tmp_path / f"{module.__name__.replace('.', '/')}.html").read_text()
        missing = [
            name for name in module.__all__ if f'id="{name}"' not in page and not ismodule(getattr(module, name))
        ]
        assert missing == []


def test_citation_names_the_version() -> None:
    assert f"\nversion: {gan1010.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_readme_is_short() -> None:
    assert len(PAGES["README"].splitlines()) <= 250


def test_notebook_of_the_article_has_the_output_of_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}
    pictures = []
    for cell in json.loads((ROOT / "docs" / "article.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            program = ast.parse("".join(cell["source"]))
            last = program.body.pop() if isinstance(program.body[-1], ast.Expr) else None
            exec(compile(program, "cell", "exec"), namespace)  # noqa: S102
            value = eval(ast.unparse(last), namespace) if last else None  # noqa: S307
            texts = [output["text"] for output in cell["outputs"] if output["output_type"] == "stream"]
            texts += [output["data"]["text/plain"] for output in cell["outputs"] if "execution_count" in output]
            expected = "".join("".join(lines) for lines in texts)
            assert capsys.readouterr().out + ("" if value is None else repr(value)) == expected
            pictures += [kind for output in cell["outputs"] for kind in output.get("data", ()) if kind != "text/plain"]
    assert pictures == ["text/html", "image/png", "text/html"]  # a run, D's surface at three moments, and a sweep
    pyplot.close("all")
