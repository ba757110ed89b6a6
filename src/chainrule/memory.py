"""How much memory the machine or container has.

By the standard library: psutil tells neither a container's quota nor the limit of a process.
"""

import os
from pathlib import Path

QUOTAS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's limit is written, by the second and by the first version of control groups."""


def memory_in_all() -> int | None:
    """The bytes that this machine, container or process may have; None where the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    import resource

    memory = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    quotas = [Path(file).read_text().strip() for file in QUOTAS if Path(file).exists()]
    memory += [int(quota) for quota in quotas if quota.isdigit()]
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    return min([*memory, *([] if allowed == resource.RLIM_INFINITY else [allowed])])
