"""Retention: how operators write it."""

from datetime import timedelta

import pytest

from service.retention import Retention, parse_age, parse_retention


@pytest.mark.parametrize(
    ("text", "age", "jobs"),
    [
        ("30 days, 10000 jobs", timedelta(days=30), 10_000),
        ("1 job,1 week", timedelta(weeks=1), 1),
        (" 90MINUTES ", timedelta(minutes=90), None),
        ("0 jobs", None, 0),
    ],
)
def test_retention_is_an_age_and_a_number_of_jobs(text: str, age: timedelta | None, jobs: int | None) -> None:
    assert parse_retention(text) == Retention(age=age, jobs=jobs)


@pytest.mark.parametrize(
    "text",
    ["", "30", "days", "30 days,", "-1 days", "1.5 days", "2 days, 3 hours", "1 jobs, 2 jobs", "1 year", "0 days"],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 30 days|an age must be"):
        parse_retention(text)


@pytest.mark.parametrize("text", ["9 jobs", "30", "36501 days", "999999999999 weeks"])
def test_age_is_no_number_of_jobs_and_not_endless(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 30 days|at most 36,500 days"):
        parse_age(text)
