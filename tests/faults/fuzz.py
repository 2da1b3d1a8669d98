"""Schemathesis: requests right and wrong, made from `/openapi.json`, to a real process; each answer is as described."""

import json
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from tests.faults.rows import Row
from tests.support.clients import ROOT, clean_environment, running_server
from tests.support.contract import train

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
CONFIG = ROOT / "tests/faults/fuzzing/schemathesis.toml"
FLAGS = ("--workers", "1", "--queue-size", "100")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
AT_A_TIME = 2  # in a process each: its threads get in each other's way
MOST_EXAMPLES, FEW_EXAMPLES = 320, 3  # of an operation, in each phase that makes them by chance


def fuzz(seed: int, long: bool, folder: Path) -> list[Row]:
    """Find no answer that is not as described, and none that says that the service failed."""
    searches, examples = (AT_A_TIME, MOST_EXAMPLES) if long else (1, FEW_EXAMPLES)
    with ThreadPoolExecutor(searches) as searchers:
        cases = sum(searchers.map(partial(_search, folder, examples), range(seed, seed + searches)))
    assert cases >= 20_000 or not long, f"{cases} requests are too few"
    what = f"requests to all operations: {', '.join(PHASES)}"
    return [Row(what=what, times=cases, found="no 5xx, each answer as described")]


def _search(folder: Path, examples: int, seed: int) -> int:
    """Ask a server of its own: how often."""
    place = folder / str(seed)
    with running_server(place / "data", *FLAGS) as (server, client):
        train(client, iterations=1000)
        client.post("/sweeps", params={"wait": 30}, json={"grid": {"loss": ["mse", "bce"]}, "seeds": 2})
        with _all_called_off(server.url):
            report, said = _asked(server.url, seed, examples, place)
        assert client.get("/readyz").status_code == 200
    assert "Traceback" not in "".join(server.log)
    assert report["exit_code"] == 0, said
    assert report["operations"]["tested"] == report["operations"]["total"]
    assert {name: phase["status"] for name, phase in report["phases"].items()} == dict.fromkeys(PHASES, "success"), said
    return int(report["test_cases"]["generated"])


def _asked(url: str, seed: int, examples: int, folder: Path) -> tuple[dict, str]:  # type: ignore[type-arg]
    """What Schemathesis reports, and what it says."""
    report = folder / "report.json"
    command = [SCHEMATHESIS, "--config-file", CONFIG, "run", f"{url}/openapi.json", "--checks", "all"]
    command += ["--phases", ",".join(PHASES), "--max-examples", str(examples), "--seed", str(seed)]
    command += ["--continue-on-failure", "--request-timeout", "60", "--no-color", "--warnings", "off"]
    command += ["--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report)]
    environment = clean_environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text()), done.stdout


@contextmanager
def _all_called_off(url: str) -> Iterator[None]:
    """Meanwhile, have no job run or wait for long, so that there is room for others."""
    over = threading.Event()

    def call_off() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not over.wait(0.05):
                for status in ("running", "queued", "paused"):
                    for job in client.get("/jobs", params={"status": status, "limit": 1000}).json()["data"]:
                        client.post(f"/jobs/{job['id']}/cancel")

    thread = threading.Thread(target=call_off)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
