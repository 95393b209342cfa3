"""From a live session to an event loop."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from lipsync_core.errors import LipsyncError
from lipsync_core.frame import Frame
from lipsync_core.live import LiveSession

MOST_PENDING = 5  # frames that an event loop has not taken yet, before their pictures are left out

Encoded = TypeVar("Encoded")
log = logging.getLogger(__name__)


class FramePump(Generic[Encoded]):
    """Takes the frames of a session in a thread of its own, which ends with the session. Made on an event loop.

    encode: makes of a frame what is sent, in that thread. It is told whether the picture is late: the next one is due
    already, or the loop is busy. send: is called on the loop with each frame, as soon as it is due, and with what
    `encode` made of it. ended: is called on the loop after the last frame, with what failed.
    """

    def __init__(
        self,
        session: LiveSession,
        encode: Callable[[Frame, bool], Encoded],
        send: Callable[[Frame, Encoded], object],
        ended: Callable[[BaseException | None], object],
    ) -> None:
        self._session: LiveSession | None = session
        self._encode, self._send, self._ended = encode, send, ended
        self._loop = asyncio.get_running_loop()
        self._given = self._taken = 0  # frames; each number is written by one thread alone
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether it was started."""
        return self._thread is not None

    def start(self) -> None:
        """Begin to take frames, which starts the session's clock. May be called again."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="frame pump", daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait for the thread, which ends when the session has ended."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        session, self._session = self._session, None  # whoever forgets to let go of this does not hold a face
        assert session is not None
        error: BaseException | None = None
        try:
            for frame in session:
                late = session.behind() > 0 or self._given - self._taken >= MOST_PENDING
                encoded = self._encode(frame, late)
                self._given += 1
                self._loop.call_soon_threadsafe(self._take, frame, encoded)
        except BaseException as failure:
            error = failure
            if not isinstance(failure, LipsyncError) and failure is not session.error:
                log.exception("Frames could not be sent")
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._ended, error)

    def _take(self, frame: Frame, encoded: Encoded) -> None:
        self._taken += 1
        self._send(frame, encoded)
