"""`gan1010 sweep`: what it asks for, what it prints and writes, and how it ends."""

import json
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from service.sweep_command import sweep_request
from tests.service.clients import Server, clean_environment, serving
from tests.service.contract import until
from tests.service.test_cli import GAN1010, run

QUICK = ["--set", "iterations=200", "--seeds", "20"]


def sweep(folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run([*GAN1010, "sweep", *flags], folder, **environment)


def test_options_become_a_request() -> None:
    request = sweep_request(
        ["learning_rate=0.001,1", "loss=mse,bce", "generator_learning_rate=null,0.1"],
        ["pattern=110", "iterations=500"],
        preset="article-bce",
        seeds=7,
        first_seed=3,
        name="mine",
    )
    assert request == {
        "base": {"pattern": "110", "iterations": 500, "preset": "article-bce"},
        "grid": {"learning_rate": [0.001, 1], "loss": ["mse", "bce"], "generator_learning_rate": [None, 0.1]},
        "seeds": {"start": 3, "count": 7},
        "name": "mine",
    }
    assert "grid" not in sweep_request([], [], preset=None, seeds=1, first_seed=0, name=None)


def test_sweep_at_a_service_shows_its_cells_and_draws_them(server: Server, tmp_path: Path) -> None:
    grid = ["--grid", "learning_rate=0.01,0.1", "--grid", "loss=mse,bce"]
    done = sweep(tmp_path, *grid, *QUICK, "--url", server.url, "--heatmap", "map.png", "--name", "shown")
    assert done.returncode == 0, done.stderr
    assert "80/80" in done.stderr
    for rate in ("0.01", "0.1"):
        for loss in ("mse", "bce"):
            assert re.search(rf"^ *{re.escape(rate)} +{loss} +20 .*%", done.stdout, re.MULTILINE), done.stdout
    assert "80 of 80 GANs (succeeded)" in done.stdout
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    kept = re.search(r"Kept as +(\w+)", done.stderr)
    assert kept
    assert httpx.get(f"{server.url}/jobs/{kept[1]}").json()["name"] == "shown"
    assert not (tmp_path / "data").exists()


def test_json_has_all_and_the_environment_names_the_service(server: Server, tmp_path: Path) -> None:
    done = sweep(tmp_path, "--grid", "pattern=1,01,101", *QUICK, "--json", GAN1010_URL=server.url)
    content = json.loads(done.stdout)
    assert (content["job"]["status"], content["job"]["iteration"]) == ("succeeded", 60)
    assert [cell["config"] for cell in content["data"]] == [{"pattern": "1"}, {"pattern": "01"}, {"pattern": "101"}]


def test_sweep_without_a_service_has_one_of_its_own(tmp_path: Path) -> None:
    with httpx.Client() as client:
        try:
            client.get("http://127.0.0.1:8000/healthz")
            pytest.skip("a service runs on port 8000")
        except httpx.TransportError:
            pass
    done = sweep(tmp_path, *QUICK, "--json", GAN1010_DATA_DIR=str(tmp_path / "kept"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"][0]["count"] == 20
    assert (tmp_path / "kept").is_dir()


def test_service_with_a_key_is_asked_with_that_of_the_environment(tmp_path: Path) -> None:
    keys = {"GAN1010_API_KEY": "me:s3cret:,other:t0ken"}
    with serving(tmp_path / "data", **keys) as (server, _):
        refused = sweep(tmp_path, *QUICK, "--url", server.url)
        assert refused.returncode == 1
        assert "send a key" in refused.stderr
        done = sweep(tmp_path, *QUICK, "--url", server.url, **keys)
        assert done.returncode == 0, done.stderr
        assert "20 of 20 GANs" in done.stdout


@pytest.mark.parametrize(
    ("grid", "base", "words"),
    [
        (["loss"], [], ["--grid loss", "FIELD=VALUE"]),
        (["learning_rate=0.1,x"], [], ["--grid learning_rate", "'x'"]),
        (["seed=1,2"], [], ["--grid seed", "learning_rate"]),
        ([], ["pattern=1,0"], ["--set pattern", "--grid"]),
        ([], ["hidden_size=three"], ["--set hidden_size", "'three'"]),
    ],
)
def test_option_that_is_no_setting_is_named(grid: list[str], base: list[str], words: list[str]) -> None:
    with pytest.raises(ValueError, match="--") as raised:
        sweep_request(grid, base, preset=None, seeds=1, first_seed=0, name=None)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--grid", "rate=1"], ["rate=1", "learning_rate"]),
        (["--grid", "learning_rate=0.1,11"], ["grid.learning_rate.1", "less than or equal to 10"]),
        (["--heatmap", "map.gif"], ["--heatmap", ".svg"]),
        (["--url", "http://127.0.0.1:9"], ["http://127.0.0.1:9", "gan1010 serve"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_cannot_be_is_said_in_a_line(server: Server, tmp_path: Path, flags: list[str], words: list[str]) -> None:
    done = sweep(tmp_path, *flags, GAN1010_URL=server.url)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("gan1010 sweep: ")
    assert all(word in line for word in words), line
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_cancels_the_sweep_and_shows_what_is_done(server: Server, tmp_path: Path) -> None:
    flags = ["--grid", "iterations=100,10000000", "--set", "hidden_size=16", "--name", "cut short", "--url", server.url]
    process = subprocess.Popen(
        [*GAN1010, "sweep", *flags],
        cwd=tmp_path,
        env=clean_environment(COLUMNS="200", NO_COLOR="1", TERM="dumb"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with httpx.Client(base_url=server.url) as client:
        until(
            lambda: client.get("/jobs", params={"kind": "sweep", "limit": 1}).json(),
            lambda page: any(job["name"] == "cut short" and job["iteration"] == 100 for job in page["data"]),
        )
        process.send_signal(signal.SIGINT)
        shown, progress = process.communicate(timeout=30)
        assert process.returncode == 0, progress
        assert "100 of 200 GANs (cancelled)" in shown
        assert client.get("/jobs", params={"kind": "sweep", "limit": 1}).json()["data"][0]["status"] == "cancelled"
