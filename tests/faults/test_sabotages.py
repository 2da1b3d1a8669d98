"""Each sabotage still is one: what it replaces is there once, and the test that is to notice it exists."""

import ast

import pytest

from tests.faults.sabotage import sabotaged
from tests.faults.sabotages import SABOTAGES, Sabotage
from tests.support.clients import ROOT


@pytest.mark.parametrize("done", SABOTAGES, ids=[done.what for done in SABOTAGES])
def test_sabotage_is_one_place_of_the_code_and_has_a_test(done: Sabotage) -> None:
    ast.parse(sabotaged((ROOT / done.file).read_text(), done))
    file, _, name = done.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_what_is_no_longer_there_is_told() -> None:
    with pytest.raises(ValueError, match="0 times in"):
        sabotaged("something else", SABOTAGES[0])
