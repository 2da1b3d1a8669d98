"""Commands that use trained models: they print and write what the service responds."""

import csv
import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.service.cli.commands import invoke, output_of
from tests.support.contract import Json, run_sweep, train

FILES = {
    "model.safetensors", "generator.safetensors", "discriminator.safetensors", "generator.onnx", "discriminator.onnx",
    "triton.zip", "losses.csv", "snapshots.npz", "train_gan.py", "train_gan_same_draws.py",
}  # fmt: skip


@pytest.fixture(scope="module")
def job(server_client: httpx.Client) -> Json:
    return train(server_client, seed=1010, iterations=2000)


@pytest.fixture(scope="module")
def sweep(server_client: httpx.Client) -> Json:
    return run_sweep(server_client, base={"iterations": 100}, grid={"loss": ["mse", "bce"]}, seeds=3)


def test_sample(server_url: str, job: Json) -> None:
    arguments = ["sample", "--job", job["id"], "--iteration", 1000, "0.5", "0.25"]
    body = {"seeds": [0.5, 0.25, -3], "job_id": job["id"], "iteration": 1000}
    served = httpx.post(f"{server_url}/sample", json=body).json()
    assert json.loads(output_of(*arguments, "--json", "--", "-3", url=server_url)) == served
    lines = output_of(*arguments, "--", "-3", url=server_url).splitlines()[1:]
    for line, latent, bits, sample in zip(lines, served["seeds"], served["bits"], served["samples"], strict=True):
        numbers = "  ".join(f"{value:.2f}" for value in sample)
        assert re.match(rf" *{latent:g} .* {bits} +{numbers} +(yes|no)", line), line
    assert json.loads(output_of("sample", "--job", job["id"], "--json", url=server_url))["seeds"] == [0.5]


def test_score(server_url: str, job: Json, tmp_path: Path) -> None:
    vectors = [[0.9, 0.1, 0.9, 0.1], [0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0]]
    served = httpx.post(f"{server_url}/score", json={"vectors": vectors, "job_id": job["id"]}).json()
    rows = [",".join(map(str, vector)) for vector in vectors]
    file = tmp_path / "vectors.csv"
    file.write_text("\n".join(rows[1:]) + "\n\n")
    flags = ["--job", job["id"], "--json"]
    assert json.loads(output_of("score", *rows, *flags, url=server_url)) == served
    assert json.loads(output_of("score", rows[0], "--file", file, *flags, url=server_url)) == served
    assert json.loads(output_of("score", "--file", "-", *flags, url=server_url, stdin="\n".join(rows))) == served
    table = output_of("score", rows[0], "--job", job["id"], url=server_url)
    assert re.search(rf"0.9, 0.1, 0.9, 0.1 +{served['scores'][0]:.3f}", table)


@pytest.fixture
def exported(server_url: str, job: Json, tmp_path: Path) -> Path:
    output_of(
        "export", "model.safetensors", "generator.safetensors", "--job", job["id"], "-o", tmp_path, url=server_url
    )
    return tmp_path


def test_model_file_gives_the_output_of_the_service(server_url: str, job: Json, exported: Path) -> None:
    vectors = exported / "vectors.csv"
    vectors.write_text("1,0,1,0\n0,1,0,1\n")
    for arguments in (["sample"], ["sample", "0.25", "0.5"], ["score", "0.9,0.1,0.9,0.1", "--file", vectors]):
        command, *rest = arguments
        served, local = ["--job", job["id"]], ["--model", exported / "model.safetensors"]
        assert output_of(command, *local, *rest) == output_of(command, *served, *rest, url=server_url)
        response = json.loads(output_of(command, *served, *rest, "--json", url=server_url))
        expected = {name: value for name, value in response.items() if name not in ("job_id", "iteration")}
        assert json.loads(output_of(command, *local, *rest, "--json")) == expected


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["score", "1,0,1"], 1, "Vector 1 has 3 numbers. The model needs 4."),
        (["sample", "1e39"], 1, "too large for a float32."),
        (["sample", "--job", "abc"], 2, "--job cannot be combined with --model."),
        (["score", "1,0,1,0", "--iteration", "5", "--url", "http://h"], 2, "--iteration and --url cannot be combined"),
        (["sample", "--model", "generator.safetensors"], 1, "generator.safetensors: the file has one network and no"),
        (["sample", "--model", "nosuch"], 2, "'nosuch' does not exist"),
        (["sample", "--model", "vectors.csv"], 1, "vectors.csv: not a model file"),
    ],
)
def test_wrong_use_of_a_model_file_is_named(
    exported: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], exit_code: int, message: str
) -> None:
    monkeypatch.chdir(exported)
    Path("vectors.csv").write_text("1,0,1,0\n")
    command, *rest = arguments
    result = invoke(command, "--model", "model.safetensors", *rest)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_export_has_all_pages_of_the_results(server_client: httpx.Client, server_url: str, tmp_path: Path) -> None:
    rates = [number / 10_001 for number in range(1, 10_002)]  # one more than a page holds
    sweep = run_sweep(server_client, base={"iterations": 1}, grid={"learning_rate": rates}, seeds=1)
    output_of("export", "--job", sweep["id"], "-o", tmp_path, url=server_url)
    with (tmp_path / "results.csv").open(newline="") as file:
        assert [float(row["learning_rate"]) for row in csv.DictReader(file)] == rates


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf0.9,0.1,0.9,0.1\r\n1,0,1,0\r\n",  # as spreadsheets save "CSV UTF-8"
        b'"0.9","0.1","0.9","0.1"\r1, 0, 1, 0\r',
        b"0.9,0.1,0.9,0.1\n\n1,0,1,0\n,,,\n",
    ],
)
def test_csv_of_spreadsheets_is_scored(server_url: str, job: Json, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "vectors.csv"
    file.write_bytes(content)
    output = output_of("score", "--file", file, "--job", job["id"], url=server_url)
    assert re.search(r"0.9, 0.1, 0.9, 0.1 +0.\d+ *\n +1, 0, 1, 0 +0.\d+$", output), output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("0.9,0.1\n".encode("utf-16"), "not CSV in UTF-8"),
        ("0.9,0.1\n".encode("utf-16-le"), "row 1 of --file"),
        ("0,9;0,1 §\n".encode("cp1252"), "not CSV in UTF-8"),
        (b"0.9,0.1\n\nnan,1\n", "row 3 of --file"),
        (b"x1,x2\n1,0\n", "row 1 of --file"),
        (b'"' + b"0" * 200_000, "not CSV in UTF-8"),
    ],
)
def test_file_that_is_no_csv_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "vectors.csv"
    file.write_bytes(content)
    result = invoke("score", "--file", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_presets(server_url: str) -> None:
    served = httpx.get(f"{server_url}/presets").json()["data"]
    assert json.loads(output_of("presets", "--json", url=server_url)) == served
    output = " ".join(output_of("presets", url=server_url).split())
    assert all(preset["name"] in output and preset["summary"] in output for preset in served)


@pytest.mark.parametrize("format", ["png", "svg"])
@pytest.mark.parametrize("plot", ["losses", "evolution", "surface"])
def test_plot_of_a_job(server_url: str, job: Json, tmp_path: Path, plot: str, format: str) -> None:
    file = tmp_path / f"plot.{format}"
    output_of("plot", plot, job["id"], "--output", file, url=server_url)
    assert file.read_bytes() == httpx.get(f"{server_url}/jobs/{job['id']}/plots/{plot}.{format}").content


def test_plot_of_a_snapshot_and_of_a_sweep(server_url: str, job: Json, sweep: Json, tmp_path: Path) -> None:
    file = tmp_path / "plot.svg"
    output_of("plot", "surface", job["id"], "--iteration", 0, "-o", file, url=server_url)
    assert "before any training" in file.read_text()
    axes = ["--x", "loss", "--y", "spread", "--value", "bits_rate"]
    output_of("plot", "heatmap", sweep["id"], *axes, "-o", file, url=server_url)
    assert b"<svg" in file.read_bytes()


def test_export(server_url: str, job: Json, sweep: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output_of("export", "--job", job["id"], "--output", "all", url=server_url)
    assert {file.name for file in Path("all").iterdir()} == FILES
    assert np.load("all/snapshots.npz")["iterations"].tolist() == list(range(0, 2001, 100))
    assert Path("all/losses.csv").read_text().startswith("iteration,")
    onnx = httpx.get(f"{server_url}/models/{job['id']}/generator.onnx").content
    assert Path("all/generator.onnx").read_bytes() == onnx
    output_of("export", "train_gan.py", "--job", job["id"], url=server_url)
    assert "manual_seed" in Path("train_gan.py").read_text()
    assert "philox" in Path("all/train_gan_same_draws.py").read_text()
    output_of("export", "--job", sweep["id"], "-o", "sweep", url=server_url)
    assert Path("sweep/results.csv").read_text().startswith("cell,")
    assert Path("sweep/members.csv").read_text().startswith("index,cell,")
    assert np.load("sweep/members.npz")["settled_at"].shape == np.load("sweep/members.npz")["index"].shape
