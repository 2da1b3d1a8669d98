"""Model files: verified when they are read; those of no job are set aside, and other files stay."""

import logging
import os
import re
from collections.abc import Container
from pathlib import Path

from service.job import JOB_ID_PATTERN
from service.storage.checksums import verify
from service.storage.durable_files import ORPHANED, set_aside

TEMPORARY, MODEL = ".tmp", ".safetensors"
log = logging.getLogger(__name__)


def sort_model_files(folder: Path, job_ids: Container[str]) -> None:
    """Set aside the models of no job, bring back those whose job is known again, and delete incomplete files.

    A file that cannot be renamed or deleted is logged and stays.
    """
    orphaned = returned = 0
    for file in _own_files(folder):
        is_known, kind = file.name.split(".")[0] in job_ids, file.suffix
        try:
            if kind == TEMPORARY:
                file.unlink()
            elif kind == MODEL and not is_known:
                set_aside(file)
                orphaned += 1
            elif kind == ORPHANED and is_known and not os.path.lexists(file.with_suffix("")):
                file.rename(file.with_suffix(""))
                returned += 1
        except OSError as error:
            log.warning("%s could not be renamed or deleted: %s", file, error)
    if orphaned:
        detail = "They return at the next start after their jobs are back in the database."
        log.warning("%s: %d models of no job are set aside as *%s. %s", folder, orphaned, ORPHANED, detail)
    if returned:
        log.warning("%s: %d models that were set aside are back.", folder, returned)


def read_model(file: Path, size: int, digest: str) -> bytes:
    """Read and verify a model.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged.
    """
    with file.open("rb") as opened:
        return verify(opened.read(size + 1), digest)  # a larger file is damaged, however large it is


def _own_files(folder: Path) -> list[Path]:
    """List the files that the store has written, by their names."""
    kinds = {TEMPORARY, MODEL, MODEL + ORPHANED}
    with os.scandir(folder) as entries:
        return [
            Path(entry)
            for entry in entries
            if re.fullmatch(JOB_ID_PATTERN, entry.name[:24])
            and entry.name[24:] in kinds
            and entry.is_file(follow_symlinks=False)
        ]
