"""Our own functions made worse, one at a time, in a copy of the tree: a named test notices each."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.faults.report import Finding
from tests.faults.sabotages import SABOTAGES
from tests.support.clients import ROOT, clean_environment

PARTS = ("gan1010", "service", "tests", "pyproject.toml", "README.md", "docs")


def sabotage(seed: int, long: bool, folder: Path) -> list[Finding]:
    """See the tests pass in a copy of the tree, and each fail after its sabotage."""
    chosen = SABOTAGES if long else Random(seed).sample(SABOTAGES, 1)  # noqa: S311
    tree = folder / "tree"
    tree.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, tree / part)
    passed, output = _run_tests(tree, sorted({sabotage.test for sabotage in chosen}))
    assert passed, f"a test fails or is skipped without any sabotage:\n{output}"
    for sabotage in chosen:
        module = sabotage.function.partition(":")[0]
        file = tree / f"{module.replace('.', '/')}.py"
        source = file.read_text()
        file.write_text(f"{source}\n\nfrom tests.faults.sabotages import apply\n\napply({sabotage.name!r})\n")
        passed, output = _run_tests(tree, [sabotage.test])
        file.write_text(source)
        assert not passed, f"{sabotage.name}: {sabotage.test} does not notice it"
        assert "FAILED" in output, f"{sabotage.name}: the test cannot run\n{output}"
    return [
        Finding(action=item.name, times=1, outcome=f"noticed by {item.test.rpartition('::')[2]}") for item in chosen
    ]


def _run_tests(tree: Path, tests: Sequence[str]) -> tuple[bool, str]:
    """Return whether all tests pass, none of them skipped, and pytest's output."""
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
