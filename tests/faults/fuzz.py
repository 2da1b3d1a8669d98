"""Schemathesis: valid and invalid requests from `/openapi.json`, and responses that must be as it describes them."""

import json
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.faults.report import Finding
from tests.support.clients import ROOT, clean_environment, running_server
from tests.support.contract import train

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
CONFIG = ROOT / "tests/faults/fuzzing/schemathesis.toml"
FLAGS = ("--workers", "1", "--queue-size", "100")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
PROCESSES = 2  # instead of threads of one process, which would slow each other down
LONG_EXAMPLES, SHORT_EXAMPLES = 320, 3  # per operation, in each random phase


def fuzz(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Find no server error, and no response that differs from its description."""
    processes, examples = (PROCESSES, LONG_EXAMPLES) if long else (1, SHORT_EXAMPLES)
    with ThreadPoolExecutor(processes) as pool:
        requests = sum(pool.map(partial(_fuzz_server, folder, examples), range(seed, seed + processes)))
    assert requests >= 20_000 or not long, f"{requests} requests are too few"
    action = f"requests to all operations: {', '.join(PHASES)}"
    return [Finding(action=action, times=requests, outcome="no 5xx, each response as described")]


def _fuzz_server(folder: Path, examples: int, seed: int) -> int:
    """Start a server, send requests, and return their number."""
    with running_server(folder / str(seed) / "data", *FLAGS) as (server, client):
        train(client, iterations=1000)
        client.post("/sweeps", params={"wait": 30}, json={"grid": {"loss": ["mse", "bce"]}, "seeds": 2})
        with _cancelling_jobs(server.url):
            report, output = _run_schemathesis(server.url, seed, examples, folder / str(seed))
        assert client.get("/readyz").status_code == 200
    assert "Traceback" not in "".join(server.log)
    assert report["exit_code"] == 0, output
    assert report["operations"]["tested"] == report["operations"]["total"]
    statuses = {name: phase["status"] for name, phase in report["phases"].items()}
    assert statuses == dict.fromkeys(PHASES, "success"), output
    return int(report["test_cases"]["generated"])


def _run_schemathesis(url: str, seed: int, examples: int, folder: Path) -> tuple[dict[str, Any], str]:
    """Return the report and the output."""
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
def _cancelling_jobs(url: str) -> Iterator[None]:
    """Cancel jobs all the time during the block, so that the queue has room."""
    done = threading.Event()

    def cancel_jobs() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not done.wait(0.05):
                for status in ("running", "queued", "paused"):
                    for job in client.get("/jobs", params={"status": status, "limit": 1000}).json()["data"]:
                        client.post(f"/jobs/{job['id']}/cancel")

    thread = threading.Thread(target=cancel_jobs)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
