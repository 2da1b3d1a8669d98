"""Outbound access: the service opens no connection and starts no process, and no file name has a client's text."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.clients import ROOT, clean_environment
from tests.support.contract import Json, fill_path, wait_until

MARK = "hunter2"
PROGRAM = f"""
import os, sys

ADDRESS_ARGUMENTS = {{
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0,
}}
PATHS = "open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"

def watch(event, arguments):
    if event in ADDRESS_ARGUMENTS:
        host = arguments[ADDRESS_ARGUMENTS[event]]
        host = host[0] if isinstance(host, tuple) else host
        if host not in (None, "127.0.0.1", "::1", "localhost"):
            os.write(2, f"OUTBOUND {{event}} {{host}}\\n".encode())
            raise OSError("outbound access")
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        os.write(2, f"OUTBOUND {{event}} {{arguments}}\\n".encode())
    if event in PATHS and any({MARK!r} in str(argument) for argument in arguments):
        os.write(2, f"OUTBOUND {{event}} {{arguments}}\\n".encode())

sys.addaudithook(watch)
from service.cli import main
main()
"""


def test_no_outbound_access_and_no_file_named_by_a_client(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
            cwd=ROOT,
            env=clean_environment(),
            stderr=log_file,
        )
    try:
        find_addresses = re.compile(r"http://[\d.]+:\d+").findall
        address, *_ = wait_until(lambda: find_addresses(log.read_text()))
        with httpx.Client(base_url=address, timeout=60) as client:
            statuses = {call: client.request(*call, **sent).status_code for call, sent in requests(client)}
    finally:
        process.terminate()
        process.wait(20)
    assert process.returncode == 0
    assert "OUTBOUND" not in log.read_text(), log.read_text()
    assert max(statuses.values()) < 500, statuses
    valid = {path: status for (_, path), status in statuses.items() if MARK not in path}
    refused = {path.rpartition("/")[2] for path, status in valid.items() if status not in {200, 202, 204}}
    # The job has ended, and a deletion of many jobs needs a condition.
    assert refused == {"cancel", "pause", "resume", "jobs"}


def requests(client: httpx.Client) -> Iterator[tuple[tuple[str, str], Json]]:
    """Yield the pages, and each operation with valid and with unexpected parameters."""
    job = client.post("/train?wait=9", json={"name": MARK}).json()["id"]
    sweep = client.post("/sweeps?wait=9", json={"base": {"iterations": 10}, "seeds": 3, "name": MARK}).json()["id"]
    pages = ("/", "/docs", "/assets/lab.js", "/openapi.json")
    for path in (*pages, f"/{MARK}", f"/assets/{MARK}", f"/assets/..%2f{MARK}", f"/docs/{MARK}"):
        yield ("GET", path), {}
    description = client.get("/openapi.json").json()
    operations = [
        (path, method.upper(), operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
    ]
    for path, method, operation in sorted(operations, key=lambda call: call[1] == "DELETE"):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body, id = {"json": content["example"]} if content else {}, sweep if path.startswith("/sweeps") else job
        yield (method, fill_path(path, job_id=id)), body
        headers = dict.fromkeys(("x-request-id", "idempotency-key", "if-none-match", "last-event-id"), MARK)
        for place in re.findall(r"\{(\w+)\}", path):
            for text in (MARK, f"..%2f{MARK}"):
                yield (method, fill_path(path, **{"job_id": id, place: text})), body | {"headers": headers}
        if method != "DELETE":
            yield (method, f"{fill_path(path, job_id=id)}?{MARK}={MARK}&job_id={MARK}"), body | {"headers": headers}
