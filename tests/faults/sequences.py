"""Random sequences of API calls, restarts and kills, compared with a plain model of the expected jobs."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.faults.report import Finding
from tests.service.jobs.test_job_life import run_sequences

PROCESSES = 2
STEPS = 15


def sequences(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Find no sequence after which the service differs from the model."""
    times = 1000 if long else 6
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        counts = pool.map(partial(run_sequences, times // PROCESSES, STEPS), range(seed, seed + PROCESSES))
        done = sum(counts, Counter[str]())
    assert done["sequences"] >= times
    action = f"sequences of up to {STEPS} calls, with {done['kill']:,} kills and {done['stop']:,} restarts"
    return [Finding(action=action, times=done["sequences"], outcome="no difference from the model")]
