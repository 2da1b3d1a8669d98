import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan1010.cores import usable_cores

ALLOWED = usable_cores(Path("/nosuch"))  # without a quota
V1 = "5:memory:/box\n4:cpu,cpuacct:/box\n1:cpuset:/\n0::/\n"
CPU = "cpu/box/cpu.cfs_{}_us"


def cores_with(folder: Path, process_groups: str, files: dict[str, str]) -> int:
    for name, text in {"own": process_groups, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return usable_cores(folder / "own", folder)


@pytest.mark.parametrize(
    ("process_groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "25000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "100001 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, ALLOWED),
        ("0::/\n", {"cpu.max": "max 100000\n"}, ALLOWED),
        ("0::/\n", {}, ALLOWED),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "100000 100000\n", "a/cpu.max": "500000 100000\n"}, 1),
        ("0::/../b\n", {"cpu.max": "100000 100000\n"}, 1),
        (V1, {CPU.format("quota"): "100000\n", CPU.format("period"): "100000\n"}, 1),
        (V1, {CPU.format("quota"): "-1\n", CPU.format("period"): "100000\n"}, ALLOWED),
        (V1, {"cpu/cpu.cfs_quota_us": "5000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),  # inside a container
        (V1, {"memory/box/cpu.max": "1 100000\n"}, ALLOWED),
        ("", {"cpu.max": "100000 100000\n"}, ALLOWED),
    ],
)
def test_quota_of_the_process_counts(tmp_path: Path, process_groups: str, files: dict[str, str], expected: int) -> None:
    assert cores_with(tmp_path, process_groups, files) == min(expected, ALLOWED)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_affinity_counts_for_threads_and_workers() -> None:
    program = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from gan1010.cores import usable_cores
from service.settings import Settings
print(usable_cores(), Settings().workers)
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True).split() == ["1", "1"]
