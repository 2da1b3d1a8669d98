"""Ranges of values, such as `1..8` or `0.001..1 log 10`: one syntax for the command line and for the page."""

import re
from math import floor, isfinite

MAX_RANGE_VALUES = 1000
RANGE = re.compile(r"(?P<first>.+?)\.\.(?P<last>.+?)(?:\s+(?P<spacing>step|log)\s+(?P<by>\S+))?")


def expand(text: str, *, whole: bool = False) -> list[str]:
    """Return the values of a list in which items may be ranges, in their order and as text.

    `1..8` has the whole numbers from 1 to 8. `0.1..0.5 step 0.1` counts in steps. `0.001..1 log 10` has 10 values with
    equal ratios, both ends included. Those between are rounded to four significant digits, and to whole numbers if
    the setting is `whole`.

    Raises:
        ValueError: a range is malformed; the message says how to write it.
    """
    values: list[str] = []
    for item in map(str.strip, text.split(",")):
        match = RANGE.fullmatch(item)
        values += _expand_range(item, whole=whole, **match.groupdict()) if match else [item]
    return values


def _expand_range(item: str, first: str, last: str, spacing: str | None, by: str | None, *, whole: bool) -> list[str]:
    low, high = _number(item, first), _number(item, last)
    if not low < high:
        raise ValueError(f"{item}: the first value must be less than the last")
    if spacing == "log":
        return _logarithmic(item, low, high, by or "", whole=whole)
    if spacing is None and not (low.is_integer() and high.is_integer()):
        raise ValueError(f"{item}: add a step or a count, such as {item} step 0.1 or {item} log 5")
    step = 1.0 if by is None else _number(item, by)
    if not step > 0:
        raise ValueError(f"{item}: the step must be more than 0")
    steps = (high - low) / step + 1e-9
    if steps >= MAX_RANGE_VALUES:
        raise ValueError(f"{item}: a range has at most {MAX_RANGE_VALUES:,} values")
    return [f"{low + k * step:.12g}" for k in range(int(steps) + 1)]


def _logarithmic(item: str, low: float, high: float, by: str, *, whole: bool) -> list[str]:
    if not low > 0:
        raise ValueError(f"{item}: a logarithmic range must begin above 0")
    if not by.isdecimal() or not 2 <= int(by) <= MAX_RANGE_VALUES:
        raise ValueError(f"{item}: the count after log must be 2 to {MAX_RANGE_VALUES:,}")
    steps = int(by) - 1
    values = [low, *(float(f"{low * (high / low) ** (k / steps):.4g}") for k in range(1, steps)), high]
    return list(dict.fromkeys(f"{floor(value + 0.5) if whole else value:.12g}" for value in values))


def _number(item: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ValueError(f"{item}: {text.strip()} is not a number")
    return number
