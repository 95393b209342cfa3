"""Streams that are open, by id."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lipsync_core.errors import LipsyncError

ID_BYTES = 16


@dataclass(eq=False)
class Session:
    """One stream.

    kind: "mjpeg", "webrtc" or "websocket". close: ends it from any thread, without waiting for long.
    state: "waiting", "running" or "ended". facts: what GET /api/sessions/{id} tells besides; grows as more is known.
    sound: where the sound that belongs to the pictures can be read, for a kind that sends it apart.
    """

    id: str
    kind: str
    close: Callable[[], object]
    sound: Any = None
    state: str = "waiting"
    facts: dict[str, Any] = field(default_factory=dict)
    opened: float = field(default_factory=time.monotonic)


class Sessions:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, kind: str, close: Callable[[], object], *, name: str | None = None, sound: Any = None) -> Session:
        """A session under `name`, or under an id that cannot be guessed. Raises LipsyncError for a name in use."""
        session = Session(name or secrets.token_urlsafe(ID_BYTES), kind, close, sound)
        with self._lock:
            if session.id in self._sessions:
                raise LipsyncError(
                    "There is a session named {session} already; choose another name.", session=session.id
                )
            self._sessions[session.id] = session
        return session

    def get(self, key: str) -> Session | None:
        """The session of an id, as long as it is open."""
        return self._sessions.get(key)

    def remove(self, session: Session) -> None:
        """Forget a session that has ended."""
        session.state = "ended"
        with self._lock:
            self._sessions.pop(session.id, None)

    def __len__(self) -> int:
        return len(self._sessions)

    def close(self) -> None:
        """End all."""
        for session in list(self._sessions.values()):
            session.close()
            self.remove(session)
