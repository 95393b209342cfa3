"""`python app.py` in a process of its own, on a free port."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import urlopen

from gradio_client import Client

ROOT = Path(__file__).resolve().parents[1]


class PageServer:
    """Context manager; `temporary` is where it puts its files, `url` where it is reached."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.temporary = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "GRADIO_SERVER_PORT": str(port),
            "TMPDIR": str(folder),
        }
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")],
                env={**os.environ, **environment, **variables},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "PageServer":
        for _ in range(300):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urlopen(f"{self.url}/healthz", timeout=5):  # noqa: S310 - a server of this test's own
                    return self
            except OSError:
                time.sleep(0.2)
        raise AssertionError(self.log.read_text())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log.read_text()
        assert list(self.temporary.glob("lipsync-*")) == []

    def client(self, headers: dict[str, str] | None = None) -> Client:
        return Client(self.url, headers=headers, download_files=False, verbose=False)

    def speak(self, **fields: Any) -> Any:
        """A job, as if somebody had filled in these fields and pressed the button."""
        return self.client().submit(api_name="/speak", **{"recording": None, **fields})

    def takes(self) -> list[Path]:
        """The folders of takes that are running."""
        return list(self.temporary.glob("lipsync-work-*/run-*"))

    def until_no_take(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.takes() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.takes()

    def files(self) -> list[Path]:
        """All files but the log, the lock, and hidden ones that libraries put down at the start."""
        files = [file for file in self.temporary.rglob("*") if file.is_file() and file.name not in ("log", "alive")]
        return [file for file in files if not file.name.startswith(".")]
