"""Model files, histories and shards of which a bit or more is not what it was: each is refused, and others work."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random

from gan1010.export import safetensors
from tests.faults.rows import Row
from tests.support.clients import running_server
from tests.support.contract import check_problem, train

SWEEP = {"base": {"iterations": 20}, "seeds": 40}
LENGTH = 8  # bytes that tell the header's length


def damage(seed: int, long: bool, folder: Path) -> list[Row]:
    """Damage a file in every way that there is, and ask for it over HTTP each time."""
    random = Random(seed)  # noqa: S311
    with running_server(folder) as (_, client):
        good, bad = (train(client, iterations=300, seed=seed % 1000 + number)["id"] for number in range(2))
    file = folder / "models" / f"{bad}.safetensors"
    whole, rows = file.read_bytes(), []
    with running_server(folder) as (_, client):
        for what, damaged in _damages(whole, random, 1000 if long else 30, 1 if long else 23).items():
            for content in damaged:
                assert sha256(content).digest() != sha256(whole).digest()
                file.write_bytes(content)
                check_problem(client.get("/sample", params={"job_id": bad}), 409, "model-damaged")
                _library_refuses(content)
            assert client.get("/sample", params={"job_id": good}).status_code == 200
            assert client.get(f"/models/{good}/generator.safetensors").status_code == 200
            check_problem(client.get(f"/models/{bad}/generator.safetensors"), 409, "model-damaged")
            rows.append(Row(what=what, times=len(damaged), found="each 409 model-damaged, the other model works"))
        file.write_bytes(whole)
        assert client.get("/sample", params={"job_id": bad}).status_code == 200
    return rows + _blobs(random, 300 if long else 20, folder)


def _blobs(random: Random, bits: int, folder: Path) -> list[Row]:
    """Flip bits of what the database has of a training and of a sweep, and ask for each over HTTP."""
    rows, file = [], folder / "gan1010.sqlite"
    with running_server(folder) as (_, client), closing(sqlite3.connect(file, isolation_level=None)) as db:
        ids = [train(client, iterations=300, seed=number)["id"] for number in range(2)]
        sweeps = [client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"] for _ in range(2)]
        for table, column, path, (good, bad) in (
            ("histories", "arrays", "/jobs/{}/snapshots", ids),
            ("histories", "arrays", "/jobs/{}/progress", ids),
            ("shards", "columns", "/sweeps/{}/members", sweeps),
        ):
            (whole,) = db.execute(f"SELECT {column} FROM {table} WHERE job_id = ?", (bad,)).fetchone()  # noqa: S608
            change = f"UPDATE {table} SET {column} = ? WHERE job_id = ?"  # noqa: S608
            for bit in random.choices(range(len(whole) * 8), k=bits):
                db.execute(change, (_with(whole, bit // 8, whole[bit // 8] ^ (1 << bit % 8)), bad))
                check_problem(client.get(path.format(bad)), 409, "model-damaged")
            assert client.get(path.format(good)).status_code == 200
            db.execute(change, (whole, bad))
            assert client.get(path.format(bad)).status_code == 200
            rows.append(Row(what=f"bits of {table}, asked for as {path}", times=bits, found="each 409 model-damaged"))
    return rows


def _damages(whole: bytes, random: Random, bits: int, step: int) -> dict[str, list[bytes]]:
    header = LENGTH + int.from_bytes(whole[:LENGTH], "little")
    payload = range(header * 8, len(whole) * 8)
    return {
        "each byte of the header, each of some values": [
            _with(whole, place, value)
            for place in range(0, header, step)
            for value in {0, 255, whole[place] ^ 1, whole[place] ^ 32, random.randrange(256)} - {whole[place]}
        ],
        "bits of the weights": [
            _with(whole, bit // 8, whole[bit // 8] ^ (1 << bit % 8)) for bit in random.choices(payload, k=bits)
        ],
        "each truncation": [whole[:length] for length in range(0, len(whole), step)],
        "more behind the end": list(_longer(whole)),
    }


def _with(whole: bytes, place: int, value: int) -> bytes:
    return whole[:place] + bytes([value]) + whole[place + 1 :]


def _longer(whole: bytes) -> Iterator[bytes]:
    for more in (b"\0", b"\n", whole[-1:], whole):
        yield whole + more


def _library_refuses(content: bytes) -> None:
    """Without the row's digest, too: what `load` takes is the model that was written, to the bit."""
    try:
        model = safetensors.load(content)
    except ValueError:
        return
    assert safetensors.dump(model) != content, "a damaged file was taken for a whole one"
