"""JSON content of requests: numbers and arrays of other libraries as those of Python, and the place of a bad number."""

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any


def as_list(values: Any) -> list[Any]:
    """Return one value or several as a list."""
    return [values] if values is None or isinstance(values, str | numbers.Number) else list(values)


def plain(content: Any) -> Any:
    """Return JSON content with the numbers and arrays of other libraries, such as NumPy, as those of Python."""
    if isinstance(content, str | int | float | None):
        return content
    if isinstance(content, Mapping):
        return {key: plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    if isinstance(content, numbers.Real):
        return int(content) if isinstance(content, numbers.Integral) else float(content)
    return content.tolist() if hasattr(content, "tolist") else content


def non_finite_place(content: Any, place: str = "") -> str | None:
    """Return the place of the first number in JSON that is not finite, such as `vectors.0.2`."""
    if isinstance(content, float) and not math.isfinite(content):
        return place
    items = content.items() if isinstance(content, Mapping) else enumerate(content) if _is_list(content) else ()
    places = (non_finite_place(item, f"{place}.{key}".lstrip(".")) for key, item in items)
    return next(filter(None, places), None)


def _is_list(content: Any) -> bool:
    return isinstance(content, Sequence) and not isinstance(content, str)
