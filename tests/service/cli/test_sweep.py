"""`gan1010 sweep`: what it asks for, what it prints and writes, and how it ends."""

import json
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from service.cli.sweep import parse_grid
from tests.service.cli.commands import GAN1010, PLAIN, done, gan1010, refused, run
from tests.support.clients import clean_environment, running_server
from tests.support.contract import wait_until

QUICK = ["--iterations", "200", "--seeds", "20"]


def test_values_are_those_of_their_settings() -> None:
    grid = parse_grid(["learning_rate=0.001,1", "loss=mse,bce", "generator_learning_rate=null,0.1", "pattern=110,01"])
    assert grid == {
        "learning_rate": [0.001, 1],
        "loss": ["mse", "bce"],
        "generator_learning_rate": [None, 0.1],
        "pattern": ["110", "01"],
    }


def test_sweep_at_a_service_shows_its_cells_and_draws_them(server_url: str, tmp_path: Path) -> None:
    grid = ["--grid", "learning_rate=0.01,0.1", "--grid", "loss=mse,bce"]
    picture = tmp_path / "map.png"
    swept = gan1010("sweep", *grid, *QUICK, "--heatmap", picture, "--name", "shown", url=server_url)
    assert swept.exit_code == 0, swept.output
    assert "80/80" in swept.stderr
    for rate in ("0.01", "0.1"):
        for loss in ("mse", "bce"):
            assert re.search(rf"^ *{re.escape(rate)} +{loss} +20 .*%", swept.stdout, re.MULTILINE), swept.stdout
    assert "succeeded, at 80 of 80" in swept.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    kept = re.search(r"Kept as (\w+)", swept.stderr)
    assert kept
    job = httpx.get(f"{server_url}/jobs/{kept[1]}").json()
    assert (job["name"], job["config"]["base"]) == ("shown", {"iterations": 200})
    shown = done("show", kept[1], url=server_url)
    assert "learning_rate 0.01, 0.1; loss mse, bce; iterations 200; 20 seeds from 0 on" in shown
    assert re.search(r"^ *0.1 +bce +20 .*%", shown, re.MULTILINE), shown


def test_json_has_all(server_url: str) -> None:
    flags = ["--preset", "article-bce", "--first-seed", "7", "--grid", "pattern=1,01,101", *QUICK]
    content = json.loads(done("sweep", *flags, "--json", url=server_url))
    assert (content["job"]["status"], content["job"]["iteration"]) == ("succeeded", 60)
    assert content["job"]["config"]["seeds"] == {"start": 7, "count": 20}
    assert content["job"]["config"]["base"]["preset"] == "article-bce"
    assert [cell["config"] for cell in content["data"]] == [{"pattern": "1"}, {"pattern": "01"}, {"pattern": "101"}]


def test_sweep_without_a_service_has_one_of_its_own(tmp_path: Path) -> None:
    with httpx.Client() as client:
        try:
            client.get("http://127.0.0.1:8000/healthz")
            pytest.skip("a service runs on port 8000")
        except httpx.TransportError:
            pass
    swept = run([*GAN1010, "sweep", *QUICK, "--json"], tmp_path, GAN1010_DATA_DIR=str(tmp_path / "kept"))
    assert swept.returncode == 0, swept.stderr
    assert json.loads(swept.stdout)["data"][0]["count"] == 20
    assert (tmp_path / "kept").is_dir()


def test_service_with_a_key_is_asked_with_that_of_the_environment(tmp_path: Path) -> None:
    keys = {"GAN1010_API_KEY": "me:s3cret:,other:t0ken"}
    with running_server(tmp_path / "data", **keys) as (server, _):
        command = [*GAN1010, "sweep", *QUICK, "--url", server.url]
        refused = run(command, tmp_path)
        assert refused.returncode == 1
        assert "send a key" in refused.stderr
        swept = run(command, tmp_path, **keys)
        assert swept.returncode == 0, swept.stderr
        assert "succeeded, at 20 of 20" in swept.stdout


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--grid", "loss"], 2, ["--grid loss", "FIELD=A,B"]),
        (["--grid", "learning_rate=0.1,x"], 2, ["--grid learning_rate", "'x'"]),
        (["--grid", "seed=1,2"], 2, ["--grid seed", "learning_rate"]),
        (["--grid", "rate=1"], 2, ["rate=1", "learning_rate"]),
        (["--hidden-size", "three"], 2, ["hidden-size", "three"]),
        (["--heatmap", "map.gif"], 2, ["map.gif", ".svg"]),
        (["--grid", "learning_rate=0.1,11"], 1, ["grid.learning_rate.1", "less than or equal to 10"]),
        (["--url", "http://127.0.0.1:9"], 3, ["http://127.0.0.1:9", "gan1010 serve"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said(server_url: str, flags: list[str], code: int, words: list[str]) -> None:
    exit_code, said = refused("sweep", *flags, url=server_url)
    assert exit_code == code, said
    assert all(word in said for word in words), said


def test_ctrl_c_cancels_the_sweep_and_shows_what_is_done(server_url: str, tmp_path: Path) -> None:
    flags = ["--grid", "iterations=100,10000000", "--hidden-size", "16", "--name", "cut short", "--url", server_url]
    process = subprocess.Popen(
        [*GAN1010, "sweep", *flags],
        cwd=tmp_path,
        env=clean_environment(**PLAIN),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with httpx.Client(base_url=server_url) as client:
        wait_until(
            lambda: client.get("/jobs", params={"kind": "sweep", "limit": 1}).json(),
            lambda page: any(job["name"] == "cut short" and job["iteration"] == 100 for job in page["data"]),
        )
        process.send_signal(signal.SIGINT)
        shown, progress = process.communicate(timeout=30)
        assert process.returncode == 0, progress
        assert "cancelled, at 100 of 200" in shown
        assert client.get("/jobs", params={"kind": "sweep", "limit": 1}).json()["data"][0]["status"] == "cancelled"
