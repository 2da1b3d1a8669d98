"""Retention: how long and how many ended jobs are kept."""

import re
from dataclasses import dataclass
from datetime import timedelta

UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}  # in seconds
MAX_AGE = timedelta(days=36_500)
EXAMPLES = "use an age, a number of jobs or both, such as 30 days, 10000 jobs"
PART = re.compile(r"([0-9]{1,12}) *([a-z]+)")


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Ended jobs that are older than `age`, or older than the newest `jobs` ended ones, are deleted; None: no limit."""

    age: timedelta | None = None
    jobs: int | None = None

    def __str__(self) -> str:
        return ", ".join([f"{self.age}"] * (self.age is not None) + [f"{self.jobs} jobs"] * (self.jobs is not None))


def parse_retention(text: str) -> Retention:
    """Parse a text such as `30 days, 10000 jobs`; raise a ValueError if it is none."""
    age, jobs = None, None
    for part in text.lower().split(","):
        number, unit = _parse(part, EXAMPLES)
        if unit == "job" and jobs is None:
            jobs = number
        elif unit in UNITS and age is None:
            age = _age(number, unit)
        else:
            raise ValueError(EXAMPLES)
    return Retention(age=age, jobs=jobs)


def parse_age(text: str) -> timedelta:
    """Parse an age such as `30 days`; raise a ValueError if it is none."""
    remedy = "use an age in minutes, hours, days or weeks, such as 30 days"
    number, unit = _parse(text.lower(), remedy)
    if unit not in UNITS:
        raise ValueError(remedy)
    return _age(number, unit)


def _parse(text: str, remedy: str) -> tuple[int, str]:
    """Return a number and its unit in the singular."""
    found = PART.fullmatch(text.strip())
    if found is None:
        raise ValueError(remedy)
    return int(found[1]), found[2].removesuffix("s")


def _age(number: int, unit: str) -> timedelta:
    seconds = number * UNITS[unit]
    if not 0 < seconds <= MAX_AGE.total_seconds():
        raise ValueError(f"an age must be over 0 and at most {MAX_AGE.days:,} days")
    return timedelta(seconds=seconds)
