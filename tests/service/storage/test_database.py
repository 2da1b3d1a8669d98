"""The database file: another in its place is refused by name, and stays as it is."""

from pathlib import Path

import pytest

from tests.support.clients import server_process


@pytest.mark.parametrize("content", [b"notes", b"SQLite format 3\0" + bytes(9000), None])
def test_file_that_is_no_database_is_named_and_not_changed(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "gan1010.sqlite"
    file.mkdir() if content is None else file.write_bytes(content)
    with server_process(tmp_path) as server:
        assert server.wait(60) == 4
    assert f"gan1010 cannot start: {file} cannot be opened (" in server.log[-1]
    assert file.is_dir() if content is None else file.read_bytes() == content
