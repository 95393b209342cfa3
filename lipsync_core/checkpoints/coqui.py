"""Models that the manager of coqui-tts gets, by its own list."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from .failures import Cancelled, SourceFailed
from .lock import LOOK_SECONDS, bytes_below
from .sources import CoquiSource

PACKAGE = "TTS"  # what coqui-tts is imported as
PROGRAM = """
import sys
from TTS.utils.manage import ModelManager
ModelManager(output_prefix=sys.argv[2], progress_bar=False).download_model(sys.argv[1])
"""


def run_manager(
    source: CoquiSource, folder: Path, progress: Callable[[int], object], cancel: threading.Event | None
) -> dict[str, Path]:
    """Let the manager download a model into `folder`; returns the files that came, by their last name.

    It runs in a process of its own, as it cannot be stopped otherwise. Whoever calls has asked about the licence.
    Raises SourceFailed, Cancelled.
    """
    if find_spec(PACKAGE) is None:
        raise SourceFailed("coqui-tts is not installed")
    hub = folder / "hub"  # where the manager's own downloads from the hub go, so that nothing is stored twice
    own = {"COQUI_TOS_AGREED": "1", "HF_HUB_CACHE": str(hub), "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONSAFEPATH": "1"}
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, source.coqui, str(folder / "models")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **own},
        )
        try:
            while (code := _wait(process)) is None:
                if cancel is not None and cancel.is_set():
                    raise Cancelled(source.coqui)
                progress(bytes_below(folder))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        said = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    if code != 0:
        raise SourceFailed(f"coqui-tts could not get {source.coqui}, it says: {(said or ['nothing'])[-1].rstrip('.')}")
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: path.resolve() for path in found}


def _wait(process: "subprocess.Popen[bytes]") -> int | None:
    try:
        return process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
