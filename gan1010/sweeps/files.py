"""Sweep files: an .npz archive with the members' columns, the configuration as JSON and a SHA-256, without pickle."""

import dataclasses
import hashlib
import json
import os
import secrets
from pathlib import Path

import numpy as np

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.types import Array

FORMAT, VERSION = "gan1010 sweep", 2  # a change that older readers cannot read raises the version
READABLE = 1, VERSION  # version 1 has no coverage
CONFIG, DIGEST = "config", "sha256"


def write(path: str | os.PathLike[str], config: SweepConfig, members: Members) -> None:
    """Write a whole file or nothing."""
    document = json.dumps({"format": FORMAT, "version": VERSION, **dataclasses.asdict(config)})
    arrays = {CONFIG: np.array(document), **members.columns}
    arrays[DIGEST] = np.array(_digest(arrays))
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[SweepConfig, Members]:
    """Read a file of `write`; ValueError if it is none, damaged or of a newer version."""
    name = os.fspath(path)
    with Path(path).open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                document = json.loads(str(archive[CONFIG]))
                format, version = document.pop("format"), document.pop("version")
                arrays = {column: archive[column] for column in archive.files} if version in READABLE else {}
        except Exception as error:  # NumPy, zipfile and zlib raise many kinds for damaged files
            raise ValueError(f"{name} is damaged, or not a file that Sweep.save has written.") from error
    if format != FORMAT or not isinstance(version, int):
        raise ValueError(f"{name} is not a file that Sweep.save has written.")
    if version not in READABLE:
        raise ValueError(f"{name} has format {version}, of a newer gan1010. Update gan1010 to load it.")
    if str(arrays.pop(DIGEST, "")) != _digest(arrays):
        raise ValueError(f"{name} is damaged: its content does not match its SHA-256. Load a copy, or sweep again.")
    del arrays[CONFIG]
    return SweepConfig(**document), Members.of(arrays)


def _digest(arrays: dict[str, Array]) -> str:
    """Return the SHA-256 of the arrays and of their names, types and shapes."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
