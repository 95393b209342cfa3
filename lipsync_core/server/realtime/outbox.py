"""What waits to be sent by a WebSocket, in bounded memory."""

import asyncio
import json
import struct
from collections import deque
from typing import Any

import numpy as np

from lipsync_core import Frame

HEAD = struct.Struct("<B3xIdII")  # of a frame: 1, its index, its time in seconds, bytes of its JPEG and of its sound
FRAME = 1
MOST_PICTURES = 5  # that wait for a client
MOST_FRAMES = 250  # whose sound waits for it
MOST_REPLIES = 100  # that wait for it, before no more is read from it


class Outbox:
    """What waits to be sent. Who reads too slowly loses pictures, and later whole frames; never events.

    sent, skipped: how many pictures have gone out, and were left out.
    """

    def __init__(self) -> None:
        self.sent = self.skipped = 0
        self._messages: deque[str | list[bytes]] = deque()  # a list is a frame: head, JPEG, sound
        self._frames: deque[list[bytes]] = deque()  # those that wait
        self._pictures: deque[list[bytes]] = deque()  # those of them with a picture
        self._news, self._room = asyncio.Event(), asyncio.Event()

    def put(self, fields: dict[str, Any]) -> None:
        """Add a message in JSON."""
        self._messages.append(json.dumps(fields, ensure_ascii=False))
        self._news.set()

    async def reply(self, fields: dict[str, Any]) -> None:
        """As `put`; waits while many messages wait, so that whoever sends and does not read is not read from."""
        while len(self._messages) > MOST_REPLIES + MOST_FRAMES:
            self._room.clear()
            await self._room.wait()
        self.put(fields)

    def put_frame(self, frame: Frame, jpeg: bytes) -> None:
        """Add a frame. jpeg: empty where its picture is left out."""
        sound = (np.clip(np.nan_to_num(frame.audio), -1, 1) * 32767).astype("<i2").tobytes()
        message = [HEAD.pack(FRAME, frame.index, frame.time, len(jpeg), len(sound)), jpeg, sound]
        self._messages.append(message)
        self._frames.append(message)
        if jpeg:
            self._pictures.append(message)
        else:
            self.skipped += 1
        if len(self._pictures) > MOST_PICTURES:
            late = self._pictures.popleft()
            kind, index, time, _, count = HEAD.unpack(late[0])
            late[:2] = HEAD.pack(kind, index, time, 0, count), b""
            self.skipped += 1
        if len(self._frames) > MOST_FRAMES:
            self._frames.popleft().clear()
        self._news.set()

    async def next(self) -> str | bytes:
        """Take the oldest message, when there is one."""
        while True:
            while not self._messages:
                self._news.clear()
                await self._news.wait()
            message = self._messages.popleft()
            self._room.set()
            if isinstance(message, str):
                return message
            if not message:  # it waited too long
                continue
            self._frames.popleft()
            if message[1]:
                self._pictures.popleft()
                self.sent += 1
            return b"".join(message)

    @property
    def empty(self) -> bool:
        return not self._messages
