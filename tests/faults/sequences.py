"""Sequences of calls, restarts and kills by chance, against a plain model of what jobs there should be."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.faults.rows import Row
from tests.service.jobs.job_life import live

AT_A_TIME = 2
STEPS = 15


def sequences(seed: int, long: bool, folder: Path) -> list[Row]:
    """Find no sequence that brings the service into a state that there should not be."""
    times = 1000 if long else 6
    searches = partial(live, times // AT_A_TIME, STEPS)
    with ProcessPoolExecutor(AT_A_TIME, get_context("spawn")) as searchers:
        counts = searchers.map(searches, range(seed, seed + AT_A_TIME))
        done = sum(counts, Counter[str]())
    assert done["sequences"] >= times
    ends = f"{done['kill']:,} kills and {done['stop']:,} restarts in between"
    return [Row(what=f"sequences of up to {STEPS} calls, {ends}", times=done["sequences"], found="no violation")]
