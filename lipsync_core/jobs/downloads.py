"""Model files that are fetched on behalf of somebody who uses the page or the API."""

import ipaddress
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import anyio
import anyio.to_thread

from lipsync_core import checkpoints
from lipsync_core.settings import settings

AT_ONCE = 4  # downloads; more wait
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")  # headers that proxies add
# Variables of Gradio, uvicorn and Hugging Face's Spaces that tell of a proxy or a tunnel.
PROXIES = ("GRADIO_ROOT_PATH", "GRADIO_SHARE", "FORWARDED_ALLOW_IPS", "SPACE_ID")
SOCKETS = ("/proc/net/tcp", "/proc/net/tcp6")  # of Linux: one line a connection, with the user it belongs to


def address(text: str) -> SplitResult:
    """The parts of an address that a client has sent; one that is none has none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def root_path(scope: Any) -> SplitResult:
    """Where the server lies for those who come through a proxy, of an ASGI scope: a path, or a whole address."""
    return address(os.environ.get("GRADIO_ROOT_PATH") or scope.get("root_path", ""))


def has_proxy(scope: Any) -> bool:
    """Whether the set-up says that visitors come through a proxy or a tunnel."""
    named = any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in PROXIES)
    return named or bool(settings().allowed_hosts or scope.get("root_path"))


def may_download(request: Any) -> bool:
    """Whether whoever sent a request (Starlette's or Gradio's) may have files downloaded, by LIPSYNC_DOWNLOADS.

    Local is whoever has the key, where one is set. Without one, it is who opened this server by a name of this machine,
    in a program of the user who started it, where no proxy is set up: behind a proxy all come from this machine.
    Headers can only speak against it, because anybody can send them.
    """
    who = settings().downloads
    if who != "local":
        return who == "everybody"
    if settings().api_key is not None:  # nobody comes so far without it
        return True
    client, scope = request.client, getattr(request, "request", request).scope
    host = address(f"//{request.headers.get('host', '')}").hostname or ""
    origin = address(request.headers.get("origin", "")).hostname
    direct = not has_proxy(scope) and not any(name in request.headers for name in FORWARDED)
    local = client is not None and is_loopback(client.host) and is_loopback(host) and is_loopback(origin or host)
    return direct and local and _is_own_program(client.port, (scope.get("server") or ("", None))[1])


def _is_own_program(port: int, server_port: int | None) -> bool:
    """Whether a connection from a port of this machine is one of the user who runs this process.

    A proxy that nobody has told this server about usually runs as another user. Where the system does not tell, True.
    """
    here, there, told = f":{port:04X}", f":{server_port or 0:04X}", False
    for table in SOCKETS:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        told = True
        for line in lines:
            _, local, remote, *_, user = line.split()[:8]
            if local.endswith(here) and remote.endswith(there):
                return int(user) == os.getuid()
    return not told


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
