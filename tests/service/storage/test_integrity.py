"""Integrity: every kind of damage in a data folder is found, and a whole folder is called whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gan1010 import TrainConfig
from service.job import new_job
from service.storage.integrity import BLOBS, Report, check_folder
from service.storage.migrations import FIRST_VERSION
from service.storage.store import Store
from tests.support.data_folder import ALONE, PAUSED, SWEPT, TRAINED, execute, flip_bit, folder_of_version_before

JOB_WITH = {"jobs": TRAINED, "histories": TRAINED, "checkpoints": PAUSED, "shards": SWEPT}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder_of_version_before(tmp_path)


def test_whole_folder_is_whole_and_stays_as_it_is(data: Path) -> None:
    before = (data / "gan1010.sqlite").read_bytes()
    assert check_folder(data) == Report(jobs=4, models=2)
    assert (data / "gan1010.sqlite").read_bytes() == before


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("table", JOB_WITH)
def test_flipped_bit_is_found(data: Path, table: str, seed: int) -> None:
    flip_bit(data, table, JOB_WITH[table], seed)
    (sentence,) = check_folder(data).damage
    assert f"The job {JOB_WITH[table]}" in sentence


def test_every_table_with_checksums_is_read(data: Path) -> None:
    Store(data).close()
    query = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE c.name = 'sha256'"
    assert {table for (table,) in execute(data, query)} == {"jobs", "models", *BLOBS}


def model(data: Path, job_id: str = TRAINED) -> Path:
    return data / "models" / f"{job_id}.safetensors"


def append(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"x")


def statement(sql: str, *values: str) -> Callable[[Path], object]:
    return lambda data: execute(data, sql, *values)


def damage_page(data: Path) -> None:
    content = bytearray((data / "gan1010.sqlite").read_bytes())
    content[4096:8192] = b"\xff" * 4096
    (data / "gan1010.sqlite").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda data: model(data).unlink(), f"The job {TRAINED}: its model is damaged (.*No such file"),
        (
            lambda data: model(data).write_bytes(model(data).read_bytes() + b"x"),
            f"The job {TRAINED}: its model is damaged",
        ),
        (lambda data: model(data, ALONE).replace(model(data)), f"The job {TRAINED}: its model is damaged"),
        (
            statement("DELETE FROM models WHERE job_id = ?", TRAINED),
            f"The job {TRAINED} has succeeded, but has no model.",
        ),
        (statement("UPDATE jobs SET status = 'failed' WHERE id = ?", PAUSED), "columns do not match"),
        (statement("UPDATE shards SET job_id = 'x'"), "A row of the table shards belongs to no job."),
        (statement(f"PRAGMA user_version = {FIRST_VERSION + 99}"), "Upgrade gan1010"),
        (
            statement("INSERT INTO shard_checkpoints VALUES (?, 0, 1, x'00', '')", SWEPT),
            f"The job {SWEPT}: a row of shard_ch",
        ),
        (damage_page, "gan1010.sqlite"),
        (
            lambda data: (data / "gan1010.sqlite").write_bytes(b"notes" * 999),
            "gan1010.sqlite cannot be read: file is not",
        ),
        (lambda data: (data / "gan1010.sqlite").unlink(), "There is no gan1010.sqlite."),
    ],
)
def test_damage_is_found(data: Path, damage: Callable[[Path], object], sentence: str) -> None:
    damage(data)
    found = " ".join(check_folder(data).damage)
    pieces = sentence.split(".*")
    assert [piece for piece in pieces if piece not in found] == [], found


def test_folder_in_use_is_checked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert check_folder(tmp_path) == Report()
    store.add(new_job(f"{1:024x}", "article", TrainConfig(), None), None, "")
    assert check_folder(tmp_path) == Report(jobs=1)
    store.close()
