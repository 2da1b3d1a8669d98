"""`gan1010 sweep`."""

import json
import re
from pathlib import Path

import httpx
import pytest

from service.cli.sweep import parse_grid
from tests.service.cli.commands import GAN1010, UNUSABLE_VARIABLES, interrupt, invoke, output_of, run_process

SHORT = ["--iterations", "200", "--seeds", "20"]


def test_grid_values_have_the_types_of_their_settings() -> None:
    grid = parse_grid(["learning_rate=0.001,1", "loss=mse,bce", "generator_learning_rate=null,0.1", "pattern=110,01"])
    assert grid == {
        "learning_rate": [0.001, 1],
        "loss": ["mse", "bce"],
        "generator_learning_rate": [None, 0.1],
        "pattern": ["110", "01"],
    }
    assert parse_grid(["hidden_size=1..3", "learning_rate=0.01..1 log 3", "iterations=10..1000 log 3"]) == {
        "hidden_size": [1, 2, 3],
        "learning_rate": [0.01, 0.1, 1.0],
        "iterations": [10, 100, 1000],
    }


def test_sweep_prints_its_cells_and_writes_the_heat_map(server_url: str, tmp_path: Path) -> None:
    grid = ["--grid", "learning_rate=0.01,0.1", "--grid", "loss=mse,bce"]
    heatmap = tmp_path / "map.png"
    sweep = invoke("sweep", *grid, *SHORT, "--heatmap", heatmap, "--name", "shown", url=server_url)
    assert sweep.exit_code == 0, sweep.output
    assert "80/80" in sweep.stderr
    for rate in ("0.01", "0.1"):
        for loss in ("mse", "bce"):
            assert re.search(rf"^ *{re.escape(rate)} +{loss} +20 .*%", sweep.stdout, re.MULTILINE), sweep.stdout
    assert "succeeded, at 80 of 80" in sweep.stdout
    assert heatmap.read_bytes().startswith(b"\x89PNG")
    id = re.findall(r"Kept as (\w+)", sweep.stderr)[0]
    job = httpx.get(f"{server_url}/jobs/{id}").json()
    assert (job["name"], job["config"]["base"]) == ("shown", {"iterations": 200})
    output = output_of("show", id, url=server_url)
    assert "learning_rate 0.01, 0.1; loss mse, bce; iterations 200; 20 seeds from 0 on" in output
    assert re.search(r"^ *0.1 +bce +20 .*%", output, re.MULTILINE), output


def test_json_has_the_job_and_its_cells(server_url: str) -> None:
    flags = ["--preset", "article-bce", "--first-seed", "7", "--grid", "pattern=1,01,101", *SHORT]
    content = json.loads(output_of("sweep", *flags, "--json", url=server_url))
    assert (content["job"]["status"], content["job"]["iteration"]) == ("succeeded", 60)
    assert content["job"]["config"]["seeds"] == {"start": 7, "count": 20}
    assert content["job"]["config"]["base"]["preset"] == "article-bce"
    assert [cell["config"] for cell in content["data"]] == [{"pattern": "1"}, {"pattern": "01"}, {"pattern": "101"}]


def test_sweep_starts_a_service_if_none_runs(tmp_path: Path) -> None:
    with httpx.Client() as client:
        try:
            client.get("http://127.0.0.1:8000/healthz")
            pytest.skip("a service runs on port 8000")
        except httpx.TransportError:
            pass
    variables = UNUSABLE_VARIABLES | {"GAN1010_DATA_DIR": str(tmp_path / "kept")}
    sweep = run_process([*GAN1010, "sweep", *SHORT, "--json"], tmp_path, **variables)
    assert sweep.returncode == 0, sweep.stderr
    assert json.loads(sweep.stdout)["data"][0]["count"] == 20
    assert (tmp_path / "kept").is_dir()


def test_ctrl_c_cancels_the_sweep_and_prints_finished_cells(server_url: str) -> None:
    arguments = ["sweep", "--grid", "iterations=100,10000000", "--hidden-size", "16"]
    code, stdout, stderr, job = interrupt(arguments, server_url, lambda job: job["iteration"] == 100)
    assert code == 0, stderr
    assert "cancelled, at 100 of 200" in stdout
    assert job["status"] == "cancelled"
