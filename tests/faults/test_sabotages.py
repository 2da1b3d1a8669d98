"""Sabotages: each still has its function, the globals that it replaces, and its test."""

import pytest

from tests.faults.sabotages import SABOTAGES, Sabotage
from tests.support.clients import ROOT


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=[sabotage.name for sabotage in SABOTAGES])
def test_sabotage_has_its_function_and_its_test(sabotage: Sabotage) -> None:
    sabotage.changed()
    file, name = sabotage.test.partition("[")[0].split("::")
    assert f"def {name}(" in (ROOT / file).read_text()
