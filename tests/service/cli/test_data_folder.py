"""Commands that back up, restore and check the data folder."""

from pathlib import Path

import pytest

from tests.service.cli.commands import invoke, output_of
from tests.support.clients import Server
from tests.support.contract import SHORT_JOB, train
from tests.support.data_folder import TRAINED, folder_of_version_before


def test_folder_is_backed_up_restored_and_checked(tmp_path: Path, server: Server, server_client: object) -> None:
    train(server_client, **SHORT_JOB)  # type: ignore[arg-type]
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    saved = output_of("backup", backup, "--data-dir", server.data_dir)
    assert saved.startswith(f"{backup} is whole. Jobs: ")
    assert output_of("restore", backup, "--data-dir", restored) == saved.replace(str(backup), str(restored))
    assert output_of("check", backup) == saved
    assert output_of("check", "--data-dir", server.data_dir).startswith(f"{server.data_dir} is whole.")


def test_folder_that_is_not_whole_is_named_with_its_damage(tmp_path: Path) -> None:
    data = folder_of_version_before(tmp_path / "data")
    (data / "models" / f"{TRAINED}.safetensors").unlink()
    for arguments in (["check", data], ["restore", data, "--data-dir", tmp_path / "restored"]):
        result = invoke(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{data} is not whole.\n  The job {TRAINED}: its model is damaged" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check", "nosuch"], 1, "nosuch is not whole.\n  There is no gan1010.sqlite."),
        (
            ["backup", "b", "--data-dir", "nosuch"],
            1,
            "nosuch has no gan1010.sqlite. Name the folder of the service with",
        ),
        (["backup", "data", "--data-dir", "data"], 1, "data has a gan1010.sqlite. Name a new folder"),
        (["restore", "data", "--data-dir", "data"], 1, "data has a gan1010.sqlite. Name a new folder"),
        (["backup", "/proc/b", "--data-dir", "data"], 4, "/proc/b cannot be used: No such file"),
    ],
)
def test_folder_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    folder_of_version_before(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(f"gan1010: {message}")
