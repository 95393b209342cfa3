"""The machine, and processes measured from outside."""

import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from lipsync_core.errors import LipsyncError
from lipsync_core.installation import ROOT


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


IMPORT = """
import time
import torch
start = time.perf_counter()
import lipsync_core
for name in lipsync_core.__all__:
    getattr(lipsync_core, name)
print(time.perf_counter() - start)
"""

RENDER = """
import sys
from pathlib import Path
from lipsync_core import Studio
from lipsync_core.bench import speed
seconds, voice = float(sys.argv[2]), sys.argv[3]
studio = Studio()
with studio.take(speed.text_of(seconds), avatar=studio.avatar(size=speed.SIZE), voice=voice) as take:
    speed.write(take, Path(sys.argv[1], "bench.mp4"), seconds)
try:
    # Not ru_maxrss, which a child process inherits from its parent.
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024))
"""


def import_seconds(runs: int) -> float:
    """Import of everything that the package exports, beyond that of torch; median."""
    return median(_run(IMPORT) for _ in range(runs))


def peak_memory_mb(seconds: float, voice: str) -> float:
    """Resident memory of a process that renders a video of this length, at its peak, in MiB."""
    with TemporaryDirectory(prefix="lipsync-bench-") as folder:
        return _run(RENDER, folder, str(seconds), voice)


def _run(code: str, *arguments: str) -> float:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise LipsyncError("A measurement in a process of its own failed ({last}); run the doctor command.", last=last)
    return float(done.stdout.split()[-1])
