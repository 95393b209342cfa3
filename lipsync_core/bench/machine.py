"""What a measurement was made on. Nothing here raises: what cannot be found out is left open."""

import os
import platform
from contextlib import suppress
from pathlib import Path


def machine() -> dict[str, str | int | float | None]:
    """Processor, usable cores, memory in GiB, system and Python."""
    return {
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):  # fewer than there are, in a container or under taskset
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory() -> float | None:
    with suppress(AttributeError, OSError, ValueError):  # not on every system
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None
