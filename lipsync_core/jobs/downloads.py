"""Model files that are fetched on behalf of somebody who uses the page or the API."""

import ipaddress
import threading
from typing import Any
from urllib.parse import SplitResult, urlsplit

import anyio
import anyio.to_thread

from lipsync_core import checkpoints
from lipsync_core.settings import settings

AT_ONCE = 4  # downloads; more wait
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")  # headers that proxies add


def address(text: str) -> SplitResult:
    """The parts of an address that a client has sent; one that is none has none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def may_download(request: Any) -> bool:
    """Whether whoever sent a request (Starlette's or Gradio's) may have files downloaded, by LIPSYNC_DOWNLOADS.

    Local is who opened this server by a name of this machine, from this machine, and not through a proxy or tunnel.
    """
    who = settings().downloads
    if who != "local":
        return who == "everybody"
    client = request.client.host if request.client else ""
    host = address(f"//{request.headers.get('host', '')}").hostname or ""
    direct = not any(name in request.headers for name in FORWARDED)
    return direct and is_loopback(client) and is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:127.0.0.1
    return (mapped or address).is_loopback


class Download:
    """One fetch for one client. done, total: bytes so far and in all; 0 before it begins."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done, self.total = 0, checkpoints.manifest()[name].download_bytes
        self._cancel = threading.Event()

    def _progress(self, name: str, done: int, total: int) -> None:
        self.done, self.total = done, total

    async def run(self, limiter: anyio.CapacityLimiter) -> None:
        """Until the file is there; a client that leaves ends it. Raises LipsyncError."""
        try:
            # A limiter of its own: downloads take long and must not keep anything else from getting a thread.
            await anyio.to_thread.run_sync(
                checkpoints.fetch, self.name, self._progress, self._cancel, abandon_on_cancel=True, limiter=limiter
            )
        finally:
            self._cancel.set()
