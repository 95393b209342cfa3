"""The client of a speech server: a request for each sentence, whose sound is read while it comes."""

import asyncio
import re
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.settings import settings
from lipsync_core.speech.engines.openai.sound import SoundReader, no_sound

if TYPE_CHECKING:
    import httpx

RATE = 24000  # Hz, of what it gives on; PCM from OpenAI has it
CONNECT_SECONDS = 5.0
FIRST_BLOCK_SECONDS, BLOCK_SECONDS = 0.3, 1.0  # of sound: the shortest block and the longest
GROWTH = 1.5  # from block to block
MOST_SECONDS = 300.0  # of sound for one sentence
MOST_ERROR_BYTES = 2**16
OFFLINE = (
    "LIPSYNC_OFFLINE is set, and the speech server {server} is not on this machine; unset it, or set "
    "LIPSYNC_SPEECH_URL to one that is."
)

Came = bytes | str | Exception | None  # bytes of sound; the content type before them; why they end

_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()
_clients: "dict[bool, httpx.AsyncClient]" = {}  # by whether it may use a proxy; of the loop's thread alone


class SpeechServer:
    """url: what stands before /audio/speech, such as "https://api.openai.com/v1"; without a path, /v1 is added."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        path = parts.path.rstrip("/").removesuffix("/audio/speech") or "/v1"
        self._url = parts._replace(path=f"{path}/audio/speech").geturl()
        self._host = parts.hostname or ""
        self.address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without a password

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, by its address."""
        try:
            return ip_address(self._host).is_loopback
        except ValueError:
            return self._host == "localhost" or self._host.endswith(".localhost")

    def speak(self, text: str, voice: str, speed: float, cancel: CancelToken) -> Iterator[np.ndarray]:
        """(n,) float32 blocks at RATE. `cancel` ends it within 0.1 s, with OperationCancelled. Raises LipsyncError."""
        if settings().offline and not self.is_local:
            raise LipsyncError(OFFLINE, server=self.address)
        request = {"model": settings().speech_model, "input": text, "voice": voice, "response_format": "pcm"}
        came: SimpleQueue[Came] = SimpleQueue()
        running = asyncio.run_coroutine_threadsafe(self._fetch(request, speed, came), _running_loop())

        def interrupt() -> None:
            running.cancel()
            came.put(None)

        try:
            with cancel.interrupting(interrupt):
                yield from self._blocks(came, cancel)
        finally:
            running.cancel()

    def _blocks(self, came: "SimpleQueue[Came]", cancel: CancelToken) -> Iterator[np.ndarray]:
        reader: SoundReader | None = None
        waiting, total, length = np.zeros(0, np.float32), 0, FIRST_BLOCK_SECONDS
        while (item := came.get()) is not None:
            cancel.check()
            if isinstance(item, Exception):
                raise item
            if isinstance(item, str):
                reader = SoundReader(self.address, item, RATE)
            elif reader is not None:
                samples = reader.read(item)
                waiting, total = np.concatenate([waiting, samples]), total + len(samples)
            if total > MOST_SECONDS * RATE:
                raise LipsyncError(
                    "The speech server {server} sends more than {seconds:g} s of sound for one sentence; choose "
                    "another voice or model.",
                    server=self.address,
                    seconds=MOST_SECONDS,
                )
            while len(waiting) > (size := round(length * RATE)):
                yield waiting[:size]
                waiting, length = waiting[size:], min(GROWTH * length, BLOCK_SECONDS)
        cancel.check()
        if reader is not None:
            waiting = np.concatenate([waiting, reader.read(b"", last=True)])
        if not total + len(waiting):
            raise no_sound(self.address, "nothing")
        yield waiting

    async def _fetch(self, request: dict[str, Any], speed: float, came: "SimpleQueue[Came]") -> None:
        import httpx  # here, because most programs need it for nothing

        if speed != 1:  # which some servers do not know
            request = {**request, "speed": speed}
        headers = {"Authorization": f"Bearer {key}"} if (key := settings().speech_key) else {}
        timeout = httpx.Timeout(settings().stall_seconds, connect=CONNECT_SECONDS)
        try:
            client = _client(proxies=not self.is_local)
            async with client.stream("POST", self._url, json=request, headers=headers, timeout=timeout) as response:
                if response.status_code != httpx.codes.OK:
                    raise self._refusal(response.status_code, await _error_text(response))
                came.put(response.headers.get("content-type", ""))
                async for part in response.aiter_bytes():
                    came.put(part)
            came.put(None)
        except httpx.TimeoutException as error:
            seconds = CONNECT_SECONDS if isinstance(error, httpx.ConnectTimeout) else settings().stall_seconds
            came.put(
                LipsyncError(
                    "The speech server {server} does not answer within {seconds:g} s; see whether it works, or change "
                    "LIPSYNC_SPEECH_URL.",
                    server=self.address,
                    seconds=seconds,
                )
            )
        except httpx.ConnectError as error:
            came.put(
                LipsyncError(
                    "The speech server {server} cannot be reached ({reason}); start it, or change LIPSYNC_SPEECH_URL.",
                    server=self.address,
                    reason=Reason(error),
                )
            )
        except httpx.HTTPError as error:
            came.put(
                LipsyncError(
                    "The speech server {server} breaks off ({reason}); try again.",
                    server=self.address,
                    reason=Reason(error),
                )
            )
        except Exception as error:  # raised again by whoever waits for the sound
            came.put(error)

    def _refusal(self, status: int, said: str) -> LipsyncError:
        if status in (401, 403):
            return LipsyncError(
                "The speech server {server} refuses the key; set LIPSYNC_SPEECH_KEY to one that it knows.",
                server=self.address,
            )
        return LipsyncError(
            "The speech server {server} does not speak ({status}: {reason}); check LIPSYNC_SPEECH_URL, "
            "LIPSYNC_SPEECH_MODEL and LIPSYNC_SPEECH_VOICES.",
            server=self.address,
            status=status,
            reason=Reason(said),
        )


def _running_loop() -> asyncio.AbstractEventLoop:
    """One event loop for all requests, in a thread of its own: there a request can be cancelled at any moment."""
    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="speech-server", daemon=True).start()
        return _loop


def _client(proxies: bool) -> "httpx.AsyncClient":
    """Keeps connections, so that the next sentence begins sooner. Follows no redirect, which may lead elsewhere."""
    import httpx

    if proxies not in _clients:
        _clients[proxies] = httpx.AsyncClient(trust_env=proxies, follow_redirects=False)
    return _clients[proxies]


async def _error_text(response: "httpx.Response") -> str:
    """What an error answer says."""
    content = b""
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MOST_ERROR_BYTES:
            break
    text = content.decode("utf-8", "replace")
    found = re.search(r'"(?:message|detail)"\s*:\s*"((?:[^"\\]|\\.)*)"', text)  # of OpenAI, and of FastAPI
    return (found[1] if found else re.sub(r"<[^>]*>", " ", text)).strip()[:200] or response.reason_phrase
