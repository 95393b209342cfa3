"""One file from one address, into a part file that grows, may be resumed, and is worth nothing before its hash fits."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from lipsync_core.checkpoints.failures import Cancelled, SourceFailed
from lipsync_core.checkpoints.lock import LOOK_SECONDS
from lipsync_core.checkpoints.state import hash_of
from lipsync_core.errors import Reason
from lipsync_core.settings import settings

CONNECT_SECONDS = 15.0
LEAST_BYTES = 1024  # that must come within LIPSYNC_STALL_SECONDS
REDIRECTS = 8
FRUITLESS = 4  # attempts in a row that bring little before a source is given up
FRUIT_BYTES = 2**20  # what more than little is
BACK_OFF_SECONDS = 0.5  # before the second attempt; doubled each time
LONGEST_BACK_OFF = 8.0
IN_A_MOMENT = {408, 425, 429, 500, 502, 503, 504}  # answers that may be better soon


@dataclass
class Transfer:
    """url is stored in `part`, which has to come to `size` bytes with the hash `digest` (its kind and value).

    progress: is called with the bytes that are there. headers: of the first request; those that name the user are
    not sent on to other hosts.
    """

    url: str
    part: Path
    size: int
    digest: tuple[str, str]
    progress: Callable[[int], object] = lambda done: None
    cancel: threading.Event | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Raises SourceFailed, Cancelled, or OSError where the disk does not take it.

        What has come stays in the part file unless it turned out to be wrong.
        """
        self._loop_thread()
        if hash_of(self.part, self.digest[0]) != self.digest[1]:
            self._forget()
            raise SourceFailed("what {url} sends has another hash than the one expected", url=self.url)

    def _loop_thread(self) -> None:
        """Run the transfer in an event loop of its own: the caller's thread may have one already."""
        ended: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(self._watched())
            except BaseException as error:  # raised again by the caller
                ended.append(error)

        stop = self.cancel = self.cancel or threading.Event()
        thread = threading.Thread(target=work, name="fetch")
        thread.start()
        try:
            thread.join()
        except BaseException:  # Ctrl-C
            stop.set()
            thread.join()
            raise
        if ended:
            raise ended[0]

    async def _watched(self) -> None:
        task = asyncio.ensure_future(self._attempts())
        while not task.done():
            await asyncio.wait((task,), timeout=LOOK_SECONDS)
            if self.cancel is not None and self.cancel.is_set() and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                raise Cancelled(self.part.name)
        task.result()

    async def _attempts(self) -> None:
        import httpx  # here, because most starts of the program fetch nothing

        options: dict[str, Any] = {
            "timeout": httpx.Timeout(None, connect=CONNECT_SECONDS),
            "follow_redirects": True,
            "max_redirects": REDIRECTS,
            "event_hooks": {"request": [self._check_hop]},
            "headers": {"User-Agent": "lipsync-studio", "Accept-Encoding": "identity", **self.headers},
        }
        fruitless = 0
        async with httpx.AsyncClient(**options) as client:
            while self._have() < self.size:
                before = self._have()
                try:
                    await self._attempt(client)
                except SourceFailed as failure:
                    fruitless = 0 if self._have() >= before + FRUIT_BYTES else fruitless + 1
                    if not failure.again or fruitless >= FRUITLESS:
                        raise
                    await asyncio.sleep(min(BACK_OFF_SECONDS * 2**fruitless, LONGEST_BACK_OFF))

    async def _attempt(self, client: Any) -> None:
        """Ask once, from where the part file ends. Raises SourceFailed."""
        import httpx

        try:
            limit = asyncio.timeout(settings().stall_seconds)
            async with limit, client.stream("GET", self.url, headers=self._range()) as response:
                begin = self._begin(response)
                self._note(response)
                with self.part.open("r+b" if begin else "wb") as file:
                    file.seek(begin)
                    file.truncate()
                    await self._store(response, file, begin, limit)
        except TimeoutError:
            raise SourceFailed("{url} sends nothing any more", url=self.url, again=True) from None
        except httpx.TooManyRedirects:
            raise SourceFailed("{url} leads in a circle", url=self.url) from None
        except httpx.UnsupportedProtocol:
            raise SourceFailed("{url} leads to an address that is not http or https", url=self.url) from None
        except (httpx.TimeoutException, httpx.TransportError) as error:
            if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) and self._have():
                raise SourceFailed(
                    "{url} broke off after {received} bytes", url=self.url, received=self._have(), again=True
                ) from None
            raise SourceFailed(
                "{url} cannot be reached ({reason})", url=self.url, reason=Reason(error), again=True
            ) from None
        except (httpx.InvalidURL, httpx.DecodingError, httpx.HTTPError) as error:
            raise SourceFailed("{url} gives no proper answer ({reason})", url=self.url, reason=Reason(error)) from None
        if self._have() < self.size:
            raise SourceFailed(
                "{url} broke off after {received} bytes", url=self.url, received=self._have(), again=True
            )

    async def _store(self, response: Any, file: BinaryIO, done: int, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        window = settings().stall_seconds
        mark = done
        async for chunk in response.aiter_raw():
            if done + len(chunk) > self.size:
                file.truncate(0)
                raise SourceFailed("{url} sends more than the {size} bytes expected", url=self.url, size=self.size)
            file.write(chunk)
            file.flush()  # what has come is there for the next run, also if this one is killed
            done += len(chunk)
            if done - mark >= LEAST_BYTES:
                mark = done
                limit.reschedule(loop.time() + window)
            self.progress(done)

    def _begin(self, response: Any) -> int:
        """Where the answer's bytes belong. Raises SourceFailed where they are of no use."""
        status, have = response.status_code, self._have()
        if response.headers.get("content-encoding", "identity") != "identity":
            raise SourceFailed("{url} sends the file in an encoding that was not asked for", url=self.url)
        if status == 206:
            where = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", ""))
            if where and where[2] not in ("*", str(self.size)):
                self._forget()
                raise SourceFailed(
                    "{url} has {length} bytes, not {size}", url=self.url, length=where[2], size=self.size
                )
            if not where or int(where[1]) != have:
                self._forget()  # asked again from the start
                raise SourceFailed("{url} sends another part than the one asked for", url=self.url, again=True)
            return have
        if status == 416:
            self._forget()
            raise SourceFailed("{url} has less than {have} bytes", url=self.url, have=have, again=True)
        if status != 200:
            phrase = f"{status} {response.reason_phrase}".strip()
            raise SourceFailed("{url} answers {phrase}", url=self.url, phrase=phrase, again=status in IN_A_MOMENT)
        length = response.headers.get("content-length")
        if length is not None and length != str(self.size):
            raise SourceFailed("{url} has {length} bytes, not {size}", url=self.url, length=length, size=self.size)
        return 0

    async def _check_hop(self, request: Any) -> None:
        """Before each request, those that follow redirects included."""
        if self.url.startswith("https:") and request.url.scheme != "https":
            raise SourceFailed("{url} leads to {host} without encryption", url=self.url, host=request.url.host)

    def _have(self) -> int:
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def _range(self) -> dict[str, str]:
        """Ask for the rest; if the part came from the same address, only of the same version of the file.

        A part of another address may be resumed here as well: both are to give the same file, and the hash decides.
        """
        if self._have() > self.size:
            self._forget()
        if not self._have():
            return {}
        headers = {"Range": f"bytes={self._have()}-"}
        with suppress(OSError, ValueError):
            note = json.loads(self._beside().read_text(encoding="utf-8"))
            if note["url"] == self.url and note["etag"]:
                headers["If-Range"] = note["etag"]
        return headers

    def _note(self, response: Any) -> None:
        etag = response.headers.get("etag", "")
        note = {"url": self.url, "etag": "" if etag.startswith("W/") else etag}  # a weak one does not tell bytes apart
        self._beside().write_text(json.dumps(note), encoding="utf-8")

    def _beside(self) -> Path:
        return self.part.with_name(self.part.name + ".json")

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self._beside().unlink(missing_ok=True)
