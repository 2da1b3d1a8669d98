"""Data frames of pandas, which is an extra: arrays need none of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gan1010.types import Array

if TYPE_CHECKING:
    import pandas as pd


def data_frame(columns: Mapping[str, Array], index: Array, index_name: str) -> "pd.DataFrame":
    """Build a data frame; ImportError if pandas is not installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("Data frames need pandas, which is not installed. Install gan1010[pandas].") from error
    return pd.DataFrame(dict(columns), index=pd.Index(index, name=index_name))
