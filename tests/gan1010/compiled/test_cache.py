"""Compilation cache: whatever the disk does, functions return the right results, and a good file is used."""

import importlib
import logging
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numba
import pytest

from gan1010 import TrainConfig, train
from gan1010.compiled import cache, kernel
from gan1010.compiled.arithmetic import compiled
from gan1010.warmup import compile_kernel
from tests.support.clients import ROOT, clean_environment, running_server
from tests.support.contract import run_job
from tests.support.disks import fill_disk, read_only, small_disk
from tests.support.forking import CONTEXT

UNSAVED = "Compiled code cannot be saved"


def tripled(number: int) -> int:
    return number * 3


def call(function: Callable[[int], int] = tripled) -> bool:
    """Call the function as a new process would, check its result, and return whether its code came from the cache."""
    dispatcher = compiled(function)
    assert dispatcher(5) == 15
    return bool(dispatcher.stats.cache_hits)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _new_process(caplog: pytest.LogCaptureFixture) -> None:
    cache._warn_unsaved.cache_clear()
    caplog.set_level(logging.INFO, cache.__name__)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that does not exist yet."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "new" / "folder"))
    return tmp_path / "new" / "folder"


@pytest.fixture
def file(folder: Path) -> Path:
    """The file of `tripled`."""
    assert [call(), call()] == [False, True]
    (file,) = folder.iterdir()
    return file


def flip_bit(content: bytes) -> bytes:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damaged",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        flip_bit,
        lambda content: bytes(len(content)),
        lambda content: os.urandom(1000),
        lambda content: pickle.dumps("0.1.0") + pickle.dumps({"another": "format"}),
        lambda content: content[:32] + pickle.dumps(["another", "format"]),
    ],
    ids=["empty", "half", "truncated", "flipped bit", "zeros", "noise", "foreign", "foreign after the checksum"],
)
def test_damaged_file_is_replaced(
    file: Path, caplog: pytest.LogCaptureFixture, damaged: Callable[[bytes], bytes]
) -> None:
    good = file.read_bytes()
    file.write_bytes(damaged(good))
    assert not call()
    assert f"{file} is outdated or damaged" in caplog.text
    assert call()
    assert [*file.parent.iterdir()] == [file]


def test_file_that_only_seems_good_is_replaced(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = pickle.dumps(["another", "format"])
    file.write_bytes(cache.CompilationCache(tripled)._checksum(content) + content)
    assert not call()
    assert f"{file} cannot be used" in caplog.text
    assert call()


def test_folder_in_place_of_the_file_is_left(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.unlink()
    file.mkdir()
    assert not call()
    assert f"{file} cannot be used" in caplog.text
    assert UNSAVED in caplog.text
    assert [*file.parent.iterdir()] == [file]


def test_full_disk_keeps_what_it_has(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.mkdir()
    with small_disk(folder, "64k"):
        assert [call(), call()] == [False, True]
        (file,) = folder.iterdir()
        ballast = fill_disk(folder)
        assert call()
        file.write_bytes(flip_bit(file.read_bytes()))
        assert not call()
        assert UNSAVED in caplog.text
        assert "No space left on device" in caplog.text
        assert {*folder.iterdir()} == {file, ballast}


def test_read_only_folder_serves_what_it_has(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with read_only(file.parent):
        assert call()
        assert UNSAVED not in caplog.text
        assert not call(lambda number: number * 3)
        assert not call(lambda number: number * 3)
    assert caplog.text.count(UNSAVED) == 1
    assert "Set NUMBA_CACHE_DIR" in caplog.text
    assert "Read-only file system" in caplog.text


def test_folder_that_cannot_be_created_is_reported(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.write_text("in the way")
    assert not call()
    assert UNSAVED in caplog.text


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], int]]:
    """A function of a package whose `__pycache__` nobody can write to."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "__pycache__").write_text("in the way")
    (tmp_path / "site" / "installed_kernel.py").write_text("def tripled(number):\n    return number * 3\n")
    yield importlib.import_module("installed_kernel").tripled
    del sys.modules["installed_kernel"]


def test_installed_package_that_is_read_only_uses_the_cache_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, installed: Callable[[int], int]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert not call(installed)
    assert UNSAVED in caplog.text
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert [call(installed), call(installed)] == [False, True]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["gan1010"]


def call_in_a_process(folder: Path) -> None:
    numba.config.CACHE_DIR = str(folder)
    call()


def test_processes_that_compile_at_once_leave_one_good_file(folder: Path) -> None:
    processes = [CONTEXT.Process(target=call_in_a_process, args=(folder,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len([*folder.iterdir()]) == 1
    assert call()


SCORE = """
import numpy as np
from gan1010.compiled import forward
scores = np.empty(1, np.float32)
forward.score(np.zeros(9, np.float32), np.ones((1, 1), np.float32), np.empty(2, np.float32), scores)
print(scores[0], sum(forward.score.stats.cache_hits.values()))
"""


def score(folder: Path) -> list[str]:
    """Return the score of all-zero weights, and how often the cache had the code."""
    command = [sys.executable, "-c", SCORE]
    result = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True)
    return result.stdout.split()


def test_change_of_any_compiled_module_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "gan1010", tmp_path / "gan1010", ignore=shutil.ignore_patterns("__pycache__"))
    assert [score(tmp_path), score(tmp_path)] == [["0.5", "0"], ["0.5", "1"]]
    source = tmp_path / "gan1010" / "compiled" / "arithmetic.py"
    source.write_text(source.read_text().replace("return ONE / (ONE + exp(-x))", "return TWO / (ONE + exp(-x))"))
    assert score(tmp_path) == ["1.0", "0"]


def test_service_starts_and_trains_with_bad_files_on_a_full_disk(tmp_path: Path) -> None:
    compile_kernel()
    good = Path(kernel.advance_article.stats.cache_path)
    with small_disk(tmp_path / "cache", "4m") as folder:
        for file in (*good.glob("gan1010*.nbc"), *(good.parents[1] / good.name).glob("gan1010*.nbc")):
            shutil.copy(file, folder)
        files = sorted(folder.iterdir())
        small = [file for file in files if "advance" not in file.name]  # which compiles for six seconds
        assert len(small) > 3
        for file in small:
            file.write_bytes(file.read_bytes()[:1000])
        small[0].unlink()
        small[1].unlink()
        small[1].mkdir()
        fill_disk(folder)
        with running_server(tmp_path / "data", fresh=True, NUMBA_CACHE_DIR=str(folder)) as (server, client):
            assert client.get("/readyz").status_code == 200
            result = run_job(client, "/train", {"latent": "normal", "seed": 1})["result"]
        assert result["sample"] == [*train(TrainConfig(latent="normal", seed=1)).result.sample]
        assert "".join(server.log).count(UNSAVED) == 1
        assert f"{small[2]} is outdated or damaged" in "".join(server.log)


def test_service_does_not_start_without_the_compiler(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "--port", "0", "--data-dir", str(tmp_path / "data")]
    env = clean_environment(NUMBA_DISABLE_JIT="1")
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 4
    assert "gan1010 cannot start: NUMBA_DISABLE_JIT is set" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()
