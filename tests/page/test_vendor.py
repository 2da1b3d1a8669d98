"""Vendored files: each is the one that its manifest lists, and no other is there."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["service/page/vendor", "tests/page/vendor"])
def test_vendored_files_match_their_manifest(folder: str) -> None:
    vendor = ROOT / folder
    listed = {
        f"{package['folder']}/{name}": checksum
        for package in json.loads((vendor / "manifest.json").read_text())
        for name, checksum in package["files"].items()
    }
    files = [path for path in vendor.glob("*/**/*") if path.is_file()]
    assert {path.relative_to(vendor).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files} == listed
