"""Any order of calls, restarts and kills in between, against a model of what jobs there should be."""

from tests.service.jobs.job_life import live


def test_jobs_are_those_that_there_should_be_after_any_calls_restarts_and_kills() -> None:
    done = live(sequences=10, steps=12)
    assert done["sequences"] >= 10
    assert done["kill"] > 0
    assert done["stop"] > 0
