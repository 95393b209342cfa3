"""A server of the API in a thread of this process, on a free port."""

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

import httpx
import uvicorn

from lipsync_core import Studio
from lipsync_core.web import make_api
from lipsync_core.web.service import Service

LONG = "This sentence is said again and again. " * 60
BODY = {"voice": "espeak:en-us", "size": 256}  # fast, and as good for tests


class ApiServer:
    """Context manager; `url` is where it is reached."""

    def __init__(self, studio: Studio) -> None:
        self.app = make_api(studio)
        self.service: Service = self.app.state.service
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self.app, log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)  # type: ignore[arg-type]

    def __enter__(self) -> "ApiServer":
        self._thread.start()
        assert until(lambda: self._server.started, 10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
        assert not self._thread.is_alive()

    def is_idle(self) -> bool:
        """No job, no session, no thread of a take, no file of a request."""
        jobs = self.service.jobs
        threads = [thread for thread in threading.enumerate() if thread.name in ("speech", "frames", "mp4")]
        files = list(self.service.folder.path.glob("job-*"))
        return not (jobs.running or jobs.waiting or len(self.service.sessions) or threads or files)


def until(true: Callable[[], object], seconds: float) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
