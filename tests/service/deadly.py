"""What a process is started with so that certain jobs take it down, as a lack of memory does."""

import os
from pathlib import Path

from tests.service.clients import ROOT
from tests.service.contract import Json

DEADLY_ITERATIONS, DEADLY_SEED = 6661, 20_000
DEADLY: Json = {"iterations": DEADLY_ITERATIONS}
SITE = f"""
import os, signal
from gan1010 import inputs

draws = inputs.draws

def deadly(config, varying, start, count):
    if config.iterations == {DEADLY_ITERATIONS} and (varying.seed == {DEADLY_SEED}).any():
        os.kill(os.getpid(), signal.SIGKILL)
    return draws(config, varying, start, count)

inputs.draws = deadly
"""


def mortal(folder: Path) -> dict[str, str]:
    """The environment of a process that `DEADLY` with the deadly seed kills: Python runs this file when it starts."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITE)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
