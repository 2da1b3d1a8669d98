"""Sweep files: they give the same sweep again, or say what is wrong."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan1010 import Sweep, SweepConfig, TrainConfig, sweep, sweeping
from gan1010.sweeps import files
from gan1010.sweeps.files import CONFIG, DIGEST
from gan1010.sweeps.results import COVERAGE
from gan1010.training import train
from tests.gan1010.sweeps.test_sweep import assert_same


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small sweep's file."""
    path = tmp_path_factory.mktemp("sweep") / "small.npz"
    sweep({"iterations": 20}, {"pattern": ["10", "1010"]}, [4, 2]).save(path)
    return path.read_bytes()


def changed(content: bytes, **arrays: Any) -> bytes:
    """Return a file with some arrays in place of its own."""
    out = io.BytesIO()
    with np.load(io.BytesIO(content)) as archive:
        np.savez(out, **{**archive, **arrays})
    return out.getvalue()


def test_file_from_before_coverage_is_read_without_it(content: bytes, tmp_path: Path) -> None:
    with np.load(io.BytesIO(content)) as archive:
        arrays = {name: values for name, values in archive.items() if name not in (*COVERAGE, "shares", DIGEST)}
    arrays[CONFIG] = np.array(json.dumps(json.loads(str(arrays[CONFIG])) | {"version": 1}))
    path = tmp_path / "sweep.npz"
    np.savez(path, **arrays, **{DIGEST: np.array(files._digest(arrays))})
    loaded = Sweep.load(path)
    path.write_bytes(content)
    now = Sweep.load(path)
    assert loaded.members.in_range.tolist() == now.members.in_range.tolist()
    assert [member.result.covered for member in loaded.members if member.result] == [None] * len(now.members)
    for name in (*COVERAGE, "covers_all_rate"):
        assert np.isnan(loaded.cells[name]).all()
        assert np.isfinite(now.cells[name]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"grid": {"pattern": ["10", "1010"], "generator_learning_rate": [None, 0.1]}, "seeds": [2**53 - 1, 3]},
        {"base": {"experiment": "discriminator"}, "seeds": 3},
        {
            "base": {"learning_rate": np.float32(0.1)},
            "grid": {"hidden_size": np.arange(2, 5)},
            "seeds": np.arange(5, 9),
        },
    ],
    ids=str,
)
def test_loaded_sweep_is_the_saved_one(tmp_path: Path, settings: dict[str, Any]) -> None:
    done = sweep(**{**settings, "base": {"iterations": 30} | settings.get("base", {})})
    done.save(tmp_path / "sweep.npz")
    loaded = Sweep.load(str(tmp_path / "sweep.npz"))
    assert_same(loaded, done)
    assert repr(loaded.config) == repr(done.config)
    loaded.save(tmp_path / "again")  # under exactly this name
    assert (tmp_path / "again").read_bytes() == (tmp_path / "sweep.npz").read_bytes()
    with np.load(tmp_path / "again", allow_pickle=False) as archive:  # a file for NumPy, too
        assert archive["settled_at"].tolist() == done.members.settled_at.tolist()
        assert json.loads(str(archive["config"]))["seeds"] == done.config.seeds


def test_incomplete_and_empty_sweeps_are_saved_and_resumed(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"base": {"iterations": 30}, "seeds": 5000}
    whole = sweep(**settings)
    for done in (Sweep(config=SweepConfig(**settings), parts=()), next(iter(sweeping(**settings)))):
        done.save(tmp_path / "part.npz")
        loaded = Sweep.load(tmp_path / "part.npz")
        assert (loaded.done, loaded.complete) == (done.done, False)
        assert_same(sweep(resume=loaded), whole)


def test_any_damage_is_noticed(tmp_path: Path, content: bytes) -> None:
    path, rng = tmp_path / "damaged.npz", np.random.default_rng(1)
    path.write_bytes(content)
    original = Sweep.load(path)
    damaged = [content[:end] for end in rng.integers(0, len(content), 30)]
    damaged += [
        content[:place] + bytes([content[place] ^ rng.integers(1, 256)]) + content[place + 1 :]
        for place in rng.integers(0, len(content), 300)
    ]
    messages = []
    for data in damaged:
        path.write_bytes(data)
        try:
            loaded = Sweep.load(path)
        except ValueError as error:
            messages.append(str(error))
        else:  # the damage is in a date or another part of the archive that carries no content
            assert_same(loaded, original)
    assert len(messages) > 200
    assert all(message.startswith(f"{path} ") for message in messages)


def other_file(name: str) -> bytes:
    """Return a file that holds no sweep."""
    array, text, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, np.zeros(3))
    np.savez(text, losses=np.zeros(3))
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "hello")
    model = train(TrainConfig(iterations=5, seed=1)).model().to_bytes()
    return {
        "empty": b"", "text": b"cell,loss\n", "npy": array.getvalue(), "npz": text.getvalue(),
        "zip": archive.getvalue(), "model": model, "pickle": b"\x80\x04N.",
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["empty", "text", "npy", "npz", "zip", "model", "pickle"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "other").write_bytes(other_file(name))
    with pytest.raises(ValueError, match=r"other is damaged, or not a file that Sweep\.save has written\."):
        Sweep.load(tmp_path / "other")


def test_files_of_another_format_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sweep.npz"
    with np.load(io.BytesIO(content)) as archive:
        document = json.loads(str(archive["config"]))
    for change, message in (
        ({"version": 3}, r"sweep\.npz has format 3, of a newer gan1010\. Update gan1010 to load it\."),
        ({"format": "losses"}, r"sweep\.npz is not a file that Sweep\.save has written"),
        ({"seeds": 3}, r"sweep\.npz is damaged: its content does not match its SHA-256"),
    ):
        path.write_bytes(changed(content, config=np.array(json.dumps(document | change))))
        with pytest.raises(ValueError, match=message):
            Sweep.load(path)
    path.write_bytes(changed(content, settled_at=np.zeros(4, np.int64)))
    with pytest.raises(ValueError, match="does not match its SHA-256"):
        Sweep.load(path)


def test_failed_save_keeps_the_old_file(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sweep.npz"
    path.write_bytes(content)
    done = Sweep.load(path)

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        done.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.npz"]
    assert path.read_bytes() == content
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError):
        done.save(tmp_path / "missing" / "sweep.npz")
    with pytest.raises(FileNotFoundError):
        Sweep.load(tmp_path / "missing.npz")
