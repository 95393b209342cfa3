"""What all routes share."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import Request

from lipsync_core import Avatar, Studio
from lipsync_core.jobs.downloads import AT_ONCE
from lipsync_core.jobs.executors import Executors
from lipsync_core.jobs.metrics import Figures
from lipsync_core.jobs.queue import Jobs
from lipsync_core.jobs.sessions import Sessions
from lipsync_core.jobs.ttl_store import Kept
from lipsync_core.jobs.work_folder import WorkFolder
from lipsync_core.settings import settings

TIDY_SECONDS = 30.0  # between two looks at what is kept


@dataclass(eq=False)
class Service:
    """One per application, at `request.app.state.service`.

    jobs: the one limit; whoever makes frames, the page too, enters here. sessions: open streams, by id.
    videos: finished files; avatars: prepared uploads; both by an id that cannot be guessed. threads: for long work.
    """

    studio: Studio
    jobs: Jobs = field(default_factory=lambda: Jobs(settings().max_sessions, settings().max_waiting))
    sessions: Sessions = field(default_factory=Sessions)
    folder: WorkFolder = field(default_factory=WorkFolder)
    videos: Kept[Path] = field(default_factory=lambda: _kept_videos())
    downloads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE))
    avatars: Kept[Avatar] = field(default_factory=lambda: Kept(settings().keep_seconds, settings().keep_files))

    def __post_init__(self) -> None:
        self.figures = Figures(self.jobs)
        self.threads = Executors(self.jobs.limit)

    async def tidy(self) -> None:
        """Let go, as time passes, what was kept long enough; for ever."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            self.videos.prune()
            self.avatars.prune()

    async def close(self) -> None:
        """End all sessions and leave no file."""
        await asyncio.to_thread(self.sessions.close)
        self.avatars.clear()
        self.videos.clear()
        self.folder.remove()
        self.threads.close()


def _kept_videos() -> Kept[Path]:
    return Kept(settings().keep_seconds, settings().keep_files, lambda path: path.unlink(missing_ok=True))


def service_of(request: Request) -> Service:
    """The service of the application that got a request."""
    service: Service = request.app.state.service
    return service


def owner_of(request: Request) -> str:
    """Who asks, as far as a fair line needs to know."""
    return request.client.host if request.client else "unknown"
