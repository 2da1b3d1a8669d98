import sys

import numpy as np
import pytest

from gan1010.frames import data_frame


def test_missing_pandas_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"need pandas, which is not installed\. Install gan1010\[pandas\]\."):
        data_frame({"loss": np.zeros(2)}, np.arange(2), "iteration")


def test_frame_is_independent_of_its_arrays() -> None:
    losses = np.zeros(2)
    frame = data_frame({"loss": losses}, np.array([5, 10]), "iteration")
    losses[0] = 1
    assert frame.loc[5, "loss"] == 0
    assert (frame.index.name, list(frame)) == ("iteration", ["loss"])
