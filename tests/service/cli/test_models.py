"""The commands that use what came of jobs: they print and write what the service answers."""

import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.service.cli.commands import done, refused
from tests.support.contract import Json

FILES = {
    "generator.safetensors", "discriminator.safetensors", "generator.onnx", "discriminator.onnx", "triton.zip",
    "losses.csv", "snapshots.npz", "train_gan.py",
}  # fmt: skip


@pytest.fixture(scope="module")
def job(server_url: str) -> Json:
    body = {"seed": 1010, "iterations": 2000, "name": "to be used"}
    return dict(httpx.post(f"{server_url}/train", params={"wait": 30}, json=body).json())


@pytest.fixture(scope="module")
def swept(server_url: str) -> Json:
    body = {"base": {"iterations": 100}, "grid": {"loss": ["mse", "bce"]}, "seeds": 3}
    return dict(httpx.post(f"{server_url}/sweeps", params={"wait": 30}, json=body).json())


def test_samples_are_the_service_s(server_url: str, job: Json) -> None:
    flags = ["--job", job["id"], "--iteration", 1000]
    asked = {"seed": [0.5, 0.25, -3], "job_id": job["id"], "iteration": 1000}
    answer = httpx.get(f"{server_url}/sample", params=asked).json()  # type: ignore[arg-type]
    assert json.loads(done("sample", *flags, "--json", "0.5", "0.25", "--", "-3", url=server_url)) == answer
    lines = done("sample", *flags, "0.5", "0.25", "--", "-3", url=server_url).splitlines()[1:]
    for line, seed, bits, sample in zip(lines, answer["seeds"], answer["bits"], answer["samples"], strict=True):
        numbers = "  ".join(f"{value:.2f}" for value in sample)
        assert re.match(rf" *{seed:g} .* {bits} +{numbers} +(yes|no)", line), line
    assert json.loads(done("sample", "--job", job["id"], "--json", url=server_url))["seeds"] == [0.5]


def test_scores_are_the_service_s(server_url: str, job: Json, tmp_path: Path) -> None:
    vectors = [[0.9, 0.1, 0.9, 0.1], [0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0]]
    answer = httpx.post(f"{server_url}/score", json={"vectors": vectors, "job_id": job["id"]}).json()
    rows = [",".join(map(str, vector)) for vector in vectors]
    flags = ["--job", job["id"], "--json"]
    assert json.loads(done("score", *rows, *flags, url=server_url)) == answer
    file = tmp_path / "vectors.csv"
    file.write_text("\n".join(rows[1:]) + "\n\n")
    assert json.loads(done("score", rows[0], "--file", file, *flags, url=server_url)) == answer
    assert json.loads(done("score", "--file", "-", *flags, url=server_url, piped="\n".join(rows))) == answer
    shown = done("score", rows[0], "--job", job["id"], url=server_url)
    assert re.search(rf"0.9, 0.1, 0.9, 0.1 +{answer['scores'][0]:.3f}", shown)


def test_presets_are_listed(server_url: str) -> None:
    served = httpx.get(f"{server_url}/presets").json()["data"]
    assert json.loads(done("presets", "--json", url=server_url)) == served
    shown = " ".join(done("presets", url=server_url).split())
    assert all(preset["name"] in shown and preset["summary"] in shown for preset in served)


@pytest.mark.parametrize("plot", ["losses", "evolution", "surface"])
def test_pictures_are_the_service_s(server_url: str, job: Json, tmp_path: Path, plot: str) -> None:
    for format in ("png", "svg"):
        file = tmp_path / f"picture.{format}"
        done("plot", plot, job["id"], "--output", file, url=server_url)
        assert file.read_bytes() == httpx.get(f"{server_url}/jobs/{job['id']}/plots/{plot}.{format}").content


def test_surface_of_a_moment_and_heat_map(server_url: str, job: Json, swept: Json, tmp_path: Path) -> None:
    file = tmp_path / "picture.svg"
    done("plot", "surface", job["id"], "--iteration", 0, "-o", file, url=server_url)
    assert "before any training" in file.read_text()
    done(
        "plot",
        "heatmap",
        swept["id"],
        "--x",
        "loss",
        "--y",
        "spread",
        "--value",
        "bits_rate",
        "-o",
        file,
        url=server_url,
    )
    assert b"<svg" in file.read_bytes()


def test_all_files_are_taken_away(
    server_url: str, job: Json, swept: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("export", "--job", job["id"], "--output", tmp_path / "all", url=server_url)
    assert {file.name for file in (tmp_path / "all").iterdir()} == FILES
    kept = np.load(tmp_path / "all" / "snapshots.npz")
    assert kept["iterations"].tolist() == list(range(0, 2001, 100))
    assert (tmp_path / "all" / "losses.csv").read_text().startswith("iteration,")
    onnx = httpx.get(f"{server_url}/models/{job['id']}/generator.onnx").content
    assert (tmp_path / "all" / "generator.onnx").read_bytes() == onnx
    monkeypatch.chdir(tmp_path)
    done("export", "train_gan.py", "--job", job["id"], url=server_url)
    assert "import torch" in Path("train_gan.py").read_text()
    done("export", "--job", swept["id"], "-o", "swept", url=server_url)
    assert Path("swept/results.csv").read_text().startswith("cell,")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["score"], 2, ["0.9,0.1,0.9,0.1", "--file"]),
        (["score", "0.9;0.1"], 2, ["'0.9;0.1'", "0.9,0.1,0.9,0.1"]),
        (["score", "--file", "nosuch.csv"], 2, ["nosuch.csv"]),
        (["score", "1,2", "--job", "JOB"], 1, ["vectors[0] has 2 numbers", "needs 4"]),
        (["sample", "half"], 2, ["half"]),
        (["sample", "--job", "JOB", "--iteration", "1050"], 1, ["1000", "1100"]),
        (["plot", "losses", "JOB", "-o", "picture.gif"], 2, ["picture.gif", ".svg"]),
        (["plot", "losses", "JOB", "-o", "/dev/null/picture.png"], 1, ["cannot be written"]),
        (["export", "generator.pt", "--job", "JOB"], 2, ["generator.pt", "generator.safetensors"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said(server_url: str, job: Json, arguments: list[str], code: int, words: list[str]) -> None:
    exit_code, said = refused(*(job["id"] if word == "JOB" else word for word in arguments), url=server_url)
    assert exit_code == code, said
    assert all(word in said for word in words), said
