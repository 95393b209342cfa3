"""Whether Coqui can be imported, tried in a process of its own: what it brings may crash, hang, or break the others."""

import subprocess
import sys

from lipsync_core.installation import ROOT

SECONDS = 120  # the first time on a machine some of it is compiled

_TRY = """
import sys
from lipsync_core.errors import LipsyncError
from lipsync_core.speech.engines.coqui.library import coqui
try:
    coqui()
except LipsyncError as error:
    sys.exit(str(error))
"""


def import_fault() -> str:
    """One sentence on why it cannot be imported, "" where it can; about three seconds."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Coqui does not import within {SECONDS} seconds; install it again, see docs/voices.md."
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    if done.returncode == 1 and said and said[-1].startswith("Coqui "):
        return said[-1]
    return f"Coqui does not import (status {done.returncode}); install it again, see docs/voices.md."
