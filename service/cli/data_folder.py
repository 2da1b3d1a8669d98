"""Commands that work on the data folder itself: back up, restore, check. They need no service."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.connection import EXIT_ENVIRONMENT, EXIT_USAGE, fail

if TYPE_CHECKING:
    from service.storage.integrity import Report

MAX_SENTENCES = 20  # of damage that are printed
DataDir = Annotated[
    str | None, typer.Option(metavar="PATH", help="Folder of the service's jobs and models. (GAN1010_DATA_DIR; data)")
]


def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the copy.")],
    data_dir: DataDir = None,
) -> None:
    """Copy the data folder, also while its service runs, and check the copy."""
    with _failures():
        from service.storage.backup import back_up

        _print(folder, back_up(_data_folder(data_dir), folder))


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the backup.")],
    data_dir: DataDir = None,
    force: Annotated[
        bool, typer.Option("--force", help="Restore also what is left of a backup that is not whole.")
    ] = False,
) -> None:
    """Check a backup, and copy it to the data folder, which must have no database."""
    with _failures():
        from service.storage import backup

        data = _data_folder(data_dir)
        report = backup.restore(folder, data, force=force)
        _print(data if force or not report.damage else folder, report)


def check(
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="(Default: the data folder)")] = None,
    data_dir: DataDir = None,
) -> None:
    """Verify the checksums of everything in a data folder or a backup, also while its service runs."""
    with _failures():
        from service.storage.integrity import check_folder

        folder = folder or _data_folder(data_dir)
        _print(folder, check_folder(folder))


def _data_folder(data_dir: str | None) -> Path:
    from service.settings import read_settings

    return read_settings(data_dir=data_dir).data_dir


def _print(folder: Path, report: "Report") -> None:
    """Print the size of a folder that is whole, else fail with what is damaged."""
    if not report.damage:
        print(f"{folder} is whole. Jobs: {report.jobs:,}. Models: {report.models:,}.")  # noqa: T201
        return
    hidden = len(report.damage) - MAX_SENTENCES
    more = [f"{hidden:,} more."] if hidden > 0 else []
    fail("\n  ".join([f"{folder} is not whole.", *report.damage[:MAX_SENTENCES], *more]))


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Exit with a message if a folder cannot be used."""
    from service.settings import SettingsError
    from service.storage.backup import BackupError
    from service.storage.data_folder import DataFolderError

    try:
        yield
    except SettingsError as error:
        fail(str(error), EXIT_USAGE)
    except BackupError as error:
        fail(str(error))
    except (DataFolderError, sqlite3.Error) as error:
        fail(f"{error}".removesuffix(".") + ".", EXIT_ENVIRONMENT)
    except OSError as error:
        fail(f"{error.filename or 'A folder'} cannot be used: {error.strerror}.", EXIT_ENVIRONMENT)
