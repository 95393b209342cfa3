"""What all routes share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from anyio import CapacityLimiter
from starlette.requests import HTTPConnection

from lipsync_core import Avatar, Frame, Studio, Take
from lipsync_core.jobs.downloads import AT_ONCE
from lipsync_core.jobs.executors import Executors
from lipsync_core.jobs.metrics import Metrics
from lipsync_core.jobs.queue import JobQueue
from lipsync_core.jobs.render import RenderJob
from lipsync_core.jobs.sessions import Sessions
from lipsync_core.jobs.ttl_store import TtlStore
from lipsync_core.jobs.work_folder import WorkFolder
from lipsync_core.settings import settings

TIDY_SECONDS = 30.0  # between two looks at what has expired
ENDING_SECONDS, ENDING_POLL = 2.0, 0.02  # that jobs may take to end with the server, and between two looks at them


@dataclass(eq=False)
class Service:
    """One per application, at `request.app.state.service`.

    jobs: the one limit; whoever makes frames, the page too, enters here. sessions: open streams, by id.
    videos: finished files; avatars: prepared uploads; both by an id that cannot be guessed. threads: for long work.
    """

    studio: Studio
    jobs: JobQueue = field(default_factory=lambda: JobQueue(settings().max_sessions, settings().max_waiting))
    sessions: Sessions = field(default_factory=Sessions)
    folder: WorkFolder = field(default_factory=WorkFolder)
    videos: TtlStore[Path] = field(default_factory=lambda: _videos())
    downloads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE))
    avatars: TtlStore[Avatar] = field(default_factory=lambda: TtlStore(settings().keep_seconds, settings().keep_files))

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.jobs)
        self.threads = Executors(self.jobs.limit)

    @asynccontextmanager
    async def rendering(self, job: RenderJob) -> AsyncIterator[Take]:
        """The take of a job that may run now, for the block; cancelling ends it, and waits for its end."""
        with self.metrics.sessions.labels("mp4").track_inprogress():
            try:
                yield await self.threads.renders.run(job.prepare, job.cancel)
            finally:
                await self.threads.closing.run(job.close)
                self.metrics.observe(job.progress)

    async def write(self, job: RenderJob, each: Callable[[Frame], object] = lambda frame: None) -> Path | None:
        """Run a job that is prepared, as `RenderJob.run`; cancelling ends it, and waits for its end."""
        count = self.metrics.frames.labels("mp4").inc

        def counted(frame: Frame) -> None:
            count()
            each(frame)

        return await self.threads.renders.run(lambda: job.run(counted), job.cancel)

    async def tidy(self) -> None:
        """Let go, as time passes, what has expired; for ever."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            self.videos.prune()
            self.avatars.prune()

    async def close(self) -> None:
        """End all sessions, wait for the jobs that end with the server, and leave no file."""
        await self.threads.closing.run(self.sessions.close)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING_SECONDS):
                while self.jobs.running:
                    await asyncio.sleep(ENDING_POLL)
        self.avatars.clear()
        self.videos.clear()
        self.folder.remove()
        self.threads.close()


def _videos() -> TtlStore[Path]:
    return TtlStore(settings().keep_seconds, settings().keep_files, lambda path: path.unlink(missing_ok=True))


def service_of(request: HTTPConnection) -> Service:
    """The service of the application that got a request."""
    service: Service = request.app.state.service
    return service


def owner_of(request: HTTPConnection) -> str:
    """Who asks, as far as a fair queue needs to know."""
    return request.client.host if request.client else "unknown"
