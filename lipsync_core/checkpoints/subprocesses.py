"""A program that downloads for us, in a process of its own that can be watched and stopped."""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lipsync_core.checkpoints.failures import Cancelled
from lipsync_core.checkpoints.lock import LOOK_SECONDS, bytes_below


def run_child(
    command: Sequence[str],
    name: str,
    folder: Path,
    variables: Mapping[str, str],
    progress: Callable[[int], object],
    cancel: threading.Event | None,
) -> tuple[int, list[str]]:
    """Run a program that puts its files below `folder`; its exit status, and the lines that it has said.

    variables: of the environment, beside those of this process. progress: is called with the bytes that are there.
    Raises Cancelled, with the name of what is downloaded; however this ends, the process has ended too.
    """
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **variables}
        )
        try:
            while (code := _wait(process)) is None:
                if cancel is not None and cancel.is_set():
                    raise Cancelled(name)
                progress(bytes_below(folder))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        return code, [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]


def _wait(process: "subprocess.Popen[bytes]") -> int | None:
    try:
        return process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
