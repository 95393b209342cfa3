"""A server of the API in a thread of this process, on a free port."""

import threading

import httpx

from lipsync_core import Studio
from lipsync_core.jobs.service import Service
from lipsync_core.server import make_api

from .thread_server import ThreadServer, until

__all__ = ["BODY", "LONG", "ApiServer", "until"]

LONG = "This sentence is said again and again. " * 60
THREADS = {"speech", "frames", "mp4", "live session", "live speech"}  # names of those of takes and sessions
BODY = {"voice": "espeak:en-us", "size": 256}  # fast, and as good for tests


class ApiServer(ThreadServer):
    """Context manager; `url` is where it is reached."""

    def __init__(self, studio: Studio) -> None:
        self.app = make_api(studio)
        self.service: Service = self.app.state.service
        super().__init__(self.app)

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)  # type: ignore[arg-type]

    def is_idle(self) -> bool:
        """No job, no session, no thread of a take, no file of a request."""
        jobs = self.service.jobs
        threads = [thread for thread in threading.enumerate() if thread.name in THREADS]
        files = list(self.service.folder.path.glob("job-*"))
        return not (jobs.running or jobs.waiting or len(self.service.sessions) or threads or files)
