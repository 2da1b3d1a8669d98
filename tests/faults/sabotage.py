"""Our own code made worse, one line at a time, in a copy of the tree: a named test notices each."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.faults.rows import Row
from tests.faults.sabotages import SABOTAGES, Sabotage
from tests.support.clients import ROOT, clean_environment

PARTS = ("gan1010", "service", "tests", "pyproject.toml", "README.md", "docs")
SHORT = 1  # where there is little time


def sabotage(seed: int, long: bool, folder: Path) -> list[Row]:
    """See the tests pass on a copy of the tree, and each fail once what it is there for is done."""
    chosen = SABOTAGES if long else Random(seed).sample(SABOTAGES, SHORT)  # noqa: S311
    tree = folder / "tree"
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        tree.mkdir(exist_ok=True)
        copy(ROOT / part, tree / part)
    tests = sorted({done.test for done in chosen})
    passed, said = _outcome(tree, tests)
    assert passed, f"a test fails, or is skipped, while all is well:\n{said}"
    for done in chosen:
        file, before = tree / done.file, (tree / done.file).read_text()
        file.write_text(sabotaged(before, done))
        passed, said = _outcome(tree, [done.test])
        file.write_text(before)
        assert not passed, f"{done.what}: nobody has noticed"
        assert "FAILED" in said, f"{done.what}: the test cannot run\n{said}"
    return [Row(what=done.what, times=1, found=f"noticed by {done.test.rpartition('::')[2]}") for done in chosen]


def sabotaged(text: str, done: Sabotage) -> str:
    """The text with the replacement made.

    Raises:
        ValueError: what is to be replaced is not there, or more than once.
    """
    if (times := text.count(done.old)) != 1:
        raise ValueError(f"{done.what}: {done.old!r} is {times} times in {done.file}")
    return text.replace(done.old, done.new)


def _outcome(tree: Path, tests: Sequence[str]) -> tuple[bool, str]:
    """Whether tests have passed, none of them skipped; and what pytest said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-rfE", "-p", "no:cacheprovider", "--exitfirst", *tests],
        cwd=tree,
        env=clean_environment(PYTHONPATH=str(tree), PYTHONDONTWRITEBYTECODE="1", COLUMNS="200"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0 and "skipped" not in done.stdout, done.stdout[-4000:]
