"""Processor cores that this process may use."""

import math
import os
from pathlib import Path

PROCESS_GROUPS, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable_cores(process_groups: Path = PROCESS_GROUPS, groups: Path = GROUPS) -> int:
    """Return the number of cores that the affinity and the CPU quota (cgroups 1 and 2) leave to this process.

    A quota of 1.5 cores counts as 2. The arguments are the process's list of control groups, and their root folder.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(math.ceil(min(cores, _quota(process_groups, groups))), 1)


def _quota(process_groups: Path, groups: Path) -> float:
    """Return the least quota of the process's control groups and of those around them, in cores."""
    quotas = [math.inf]
    for line in _read(process_groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            # A container sees its own group as the root, although version 1 names it by its path on the host.
            group = Path(path.lstrip("/"))
            root = groups / "cpu" if controllers else groups
            quotas += [_quota_of(root / folder) for folder in (group, *group.parents)]
    return min(quotas)


def _quota_of(group: Path) -> float:
    text = _read(group / "cpu.max") or _read(group / "cpu.cfs_quota_us") + _read(group / "cpu.cfs_period_us")
    words = text.split()
    has_quota = len(words) == 2 and words[0] not in ("max", "-1")
    return int(words[0]) / int(words[1]) if has_quota else math.inf


def _read(file: Path) -> str:
    """Read a file; nothing if it does not exist."""
    try:
        return file.read_text()
    except OSError:
        return ""
