"""The service asks nobody for anything: it works in a process in which every connection to elsewhere fails."""

import re
import subprocess
import sys
from pathlib import Path

import httpx

from tests.service.clients import ROOT, clean_environment

PROGRAM = """
import os, sys

def no_way_out(event, arguments):
    if event == "socket.connect" and arguments[1][0] not in ("127.0.0.1", "::1"):
        os.write(2, f"OUTBOUND {arguments[1]}".encode())
        raise OSError("there is no way out")
    if event in ("socket.getaddrinfo", "socket.gethostbyname") and arguments[0] not in (None, "127.0.0.1", "localhost"):
        os.write(2, f"OUTBOUND {arguments[0]}".encode())
        raise OSError("there are no names")

sys.addaudithook(no_way_out)
from service.cli import main
main()
"""


def test_it_works_without_any_way_out(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--data-dir", str(tmp_path)],
        cwd=ROOT,
        env=clean_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    log = []
    assert process.stderr
    try:
        for line in process.stderr:
            log.append(line)
            if found := re.search(r"(http://[\d.]+:\d+)", line):
                break
        with httpx.Client(base_url=found[1], timeout=60) as client:  # type: ignore[index]
            job = client.post("/train?wait=9", json={}).json()
            client.post("/sweeps?wait=9", json={"base": {"iterations": 10}, "seeds": 3})
            paths = [
                "/",
                "/docs",
                "/assets/lab.js",
                "/openapi.json",
                "/metrics",
                "/presets",
                "/sample",
                "/models",
                "/v2",
            ]
            paths += [
                f"/jobs/{job['id']}/{part}"
                for part in ("progress", "snapshots", "plots/losses.png", "plots/surface.svg")
            ]
            for path in paths:
                assert client.get(path).status_code == 200, path
    finally:
        process.terminate()
        log.append(process.communicate(timeout=20)[1])
    assert process.returncode == 0
    assert "OUTBOUND" not in "".join(log)
