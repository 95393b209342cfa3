"""Models that the manager of coqui-tts gets, by its own list."""

import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from lipsync_core.checkpoints.failures import SourceFailed
from lipsync_core.checkpoints.sources import CoquiSource
from lipsync_core.checkpoints.subprocesses import run_child
from lipsync_core.errors import Reason

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
    command = [sys.executable, "-c", PROGRAM, source.coqui, str(folder / "models")]
    code, said = run_child(command, source.coqui, folder, own, progress, cancel)
    if code != 0:
        raise SourceFailed(
            "coqui-tts could not get {model}, it says: {said}",
            model=source.coqui,
            said=Reason((said or ["nothing"])[-1]),
        )
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: path.resolve() for path in found}
