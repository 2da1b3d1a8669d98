"""Damaged model files, histories and shards: the service refuses each, and serves the others."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random

from gan1010.export import safetensors
from tests.faults.report import Finding
from tests.support.clients import running_server
from tests.support.contract import check_problem, train

SWEEP = {"base": {"iterations": 20}, "seeds": 40}
LENGTH_BYTES = 8  # at the beginning of a file: the length of its header


def damage(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Damage a model's file in every way, and request the model over HTTP each time."""
    random = Random(seed)  # noqa: S311
    with running_server(folder) as (_, client):
        intact, damaged = (train(client, iterations=300, seed=seed % 1000 + number)["id"] for number in range(2))
    file, findings = folder / "models" / f"{damaged}.safetensors", []
    content = file.read_bytes()
    with running_server(folder) as (_, client):
        for action, variants in _variants(content, random, 1000 if long else 30, 1 if long else 23).items():
            for variant in variants:
                assert sha256(variant).digest() != sha256(content).digest()
                file.write_bytes(variant)
                check_problem(client.get("/sample", params={"job_id": damaged}), 409, "model-damaged")
                _check_library(variant)
            assert client.get("/sample", params={"job_id": intact}).status_code == 200
            assert client.get(f"/models/{intact}/generator.safetensors").status_code == 200
            check_problem(client.get(f"/models/{damaged}/generator.safetensors"), 409, "model-damaged")
            outcome = "each 409 model-damaged, the other model works"
            findings.append(Finding(action=action, times=len(variants), outcome=outcome))
        file.write_bytes(content)
        assert client.get("/sample", params={"job_id": damaged}).status_code == 200
    return findings + _damage_rows(random, 300 if long else 20, folder)


def _damage_rows(random: Random, bits: int, folder: Path) -> list[Finding]:
    """Flip bits of a training's and a sweep's rows, and request each over HTTP."""
    findings, file = [], folder / "gan1010.sqlite"
    with running_server(folder) as (_, client), closing(sqlite3.connect(file, isolation_level=None)) as db:
        jobs = [train(client, iterations=300, seed=number)["id"] for number in range(2)]
        sweeps = [client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"] for _ in range(2)]
        for table, column, path, (intact, damaged) in (
            ("histories", "arrays", "/jobs/{}/snapshots", jobs),
            ("histories", "arrays", "/jobs/{}/progress", jobs),
            ("shards", "columns", "/sweeps/{}/members", sweeps),
        ):
            (content,) = db.execute(f"SELECT {column} FROM {table} WHERE job_id = ?", (damaged,)).fetchone()  # noqa: S608
            update = f"UPDATE {table} SET {column} = ? WHERE job_id = ?"  # noqa: S608
            for bit in random.choices(range(len(content) * 8), k=bits):
                db.execute(update, (_flip(content, bit), damaged))
                check_problem(client.get(path.format(damaged)), 409, "model-damaged")
            assert client.get(path.format(intact)).status_code == 200
            db.execute(update, (content, damaged))
            assert client.get(path.format(damaged)).status_code == 200
            action = f"flipped bits of {table}, requested as {path}"
            findings.append(Finding(action=action, times=bits, outcome="each 409 model-damaged"))
    return findings


def _variants(content: bytes, random: Random, bits: int, step: int) -> dict[str, list[bytes]]:
    """Return damaged variants of a file by kind of damage."""
    header = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "little")
    return {
        "other bytes in the header": [
            content[:place] + bytes([value]) + content[place + 1 :]
            for place in range(0, header, step)
            for value in {0, 255, content[place] ^ 1, content[place] ^ 32, random.randrange(256)} - {content[place]}
        ],
        "flipped bits of the weights": [
            _flip(content, bit) for bit in random.choices(range(header * 8, len(content) * 8), k=bits)
        ],
        "truncated files": [content[:length] for length in range(0, len(content), step)],
        "additional bytes at the end": [content + more for more in (b"\0", b"\n", content[-1:], content)],
    }


def _flip(content: bytes, bit: int) -> bytes:
    place = bit // 8
    return content[:place] + bytes([content[place] ^ (1 << bit % 8)]) + content[place + 1 :]


def _check_library(content: bytes) -> None:
    """Check that `load` refuses a damaged file, or finds the weights that were written."""
    try:
        model = safetensors.load(content)
    except ValueError:
        return
    assert safetensors.dump(model) != content, "a damaged file counts as intact"
