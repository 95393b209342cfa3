"""What stands before all routes: who may use the server, from which pages, by which name; limits of bodies."""

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync_core.errors import LimitExceeded
from lipsync_core.jobs.downloads import address, is_loopback, root_path
from lipsync_core.server.keys import FORM_ROUTE, KEY_ROUTE, Attempts, Locked, sign_in_page
from lipsync_core.server.problem_details import problem
from lipsync_core.server.request_parsing import BYTES_PER_CHARACTER, FORM_OVERHEAD
from lipsync_core.settings import settings

HEALTH = ("/healthz", "/readyz")
STARTED = "/gradio_api/startup-events"  # which Gradio asks itself for once, without a key
OPEN = (*HEALTH, KEY_ROUTE, FORM_ROUTE, STARTED)  # without the key
PROGRAMS = ("/api", "/gradio_api", "/page")  # nobody follows a link to what lies below these
PASSED = "lipsync.passed"  # in a scope that has been looked at
METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
EXPOSED = "X-Session-Id, X-Start-Time, Retry-After"
# Ends of names that no name server of the internet answers for, so that no page can have itself taken for them.
LOCAL_NAMES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".test")
STALLED_SECONDS = 30.0  # without a byte of a body that is not there yet
SLOWEST = 1024  # bytes a second of a body, on the whole; a file over a poor telephone line is faster
THROW_AWAY_BYTES, THROW_AWAY_SECONDS = 2**26, 5.0
DAY = 86400  # seconds that a browser may remember what a preflight said
LONGEST_NAME = 253  # characters of a host's name
SHARED = ".gradio.live"  # what names of Gradio's tunnels end in
SPACES = "https://huggingface.co"  # shows a Space in a frame


def foreign_origin(request: HTTPConnection, path: str) -> str | None:
    """The other site whose page sends this request, or None for this one's page, a link to a page, or a program."""
    headers = request.headers
    site = headers.get("sec-fetch-site", "")  # browsers set it, and no script can; but not over plain HTTP
    if site in ("same-origin", "none"):
        return None
    program = path.startswith(PROGRAMS)
    if headers.get("sec-fetch-mode") == "navigate" and request.scope.get("method") in ("GET", "HEAD") and not program:
        return None
    origin = headers.get("origin", "").lower()
    if not origin and (site or program):  # a picture or a sound: no origin, but a referrer, unless the page hides it
        parts = address(headers.get("referer", ""))
        origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else "null" if site else ""
    if not origin:
        return None
    place = root_path(request.scope)
    known = (headers.get("host", "").lower(), place.netloc.lower()) if not site else (place.netloc.lower(),)
    return None if address(origin).netloc in [one for one in known if one] else origin


def foreign_name(request: HTTPConnection) -> str | None:
    """A name of the internet by which this machine is reached from itself, or None.

    A page may let its own name lead to this machine, and is then one of this server's pages for the browser. A proxy on
    this machine passes on such a name too, so the settings have to tell it.
    """
    known = settings().allowed_hosts
    if settings().api_key is not None and not known:
        return None  # such a page does not have the key, nor the cookie of another name
    server = (request.scope.get("server") or ("",))[0]
    if not known and not is_loopback(server):
        return None
    host = (address(f"//{request.headers.get('host', '')}").hostname or "")[:LONGEST_NAME]
    is_number = ":" in host or host.replace(".", "").isdigit()
    if is_number or (host and "." not in host) or host.endswith(LOCAL_NAMES):
        return None
    place = root_path(request.scope)
    own = (*known, place.hostname, os.environ.get("SPACE_HOST"))
    shared = bool(os.environ.get("GRADIO_SHARE")) and host.endswith(SHARED)
    return None if shared or host in own else host or "that is missing"


class Guard:
    """Middleware that lets in whoever may use the server; before all others and all routes, the page's included."""

    def __init__(self, app: ASGIApp, attempts: Attempts) -> None:
        self.app, self.attempts = app, attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope.get(PASSED):
            await self.app(scope, receive, send)
            return
        request = HTTPConnection({**scope, PASSED: True})
        # Behind a proxy or in another application, the path may have a prefix.
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        origin = foreign_origin(request, path)
        allowed = settings().allowed_origins
        is_shut_out = origin is not None and origin not in allowed and "*" not in allowed
        if is_shut_out:
            detail = f"Pages of {origin} may not use this server; LIPSYNC_ALLOWED_ORIGINS can allow it."
            refusal: Response | None = problem(403, detail)
        else:
            refusal = self._refusal(request, path)
        if refusal is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _headers(message.get("headers", []), None if is_shut_out else origin)
                message = {**message, "headers": headers}
            await send(message)

        await (refusal or self.app)(request.scope, receive, tell)

    def _refusal(self, request: HTTPConnection, path: str) -> Response | None:
        """The answer to a request that comes no further, by its name, its key, or as it only asks what it may do."""
        if path not in HEALTH and (name := foreign_name(request)):
            detail = f"This server does not know the name {name}; LIPSYNC_ALLOWED_HOSTS can tell it."
            return problem(HTTPStatus.MISDIRECTED_REQUEST, detail)
        method, wanted = request.scope.get("method"), request.headers.get("access-control-request-headers")
        if method == "OPTIONS" and (path.startswith("/api") or "access-control-request-method" in request.headers):
            headers = {
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": wanted or "content-type",
                "Access-Control-Max-Age": str(DAY),
            }
            return problem(200, "These methods are allowed.", headers)
        if path in OPEN:
            return None
        try:
            if self.attempts.admits(request):
                return None
        except Locked as locked:
            return problem(locked.status_code, locked.detail, dict(locked.headers or {}))
        html = "text/html" in request.headers.get("accept", "")
        if html and method in ("GET", "HEAD") and not path.startswith(PROGRAMS):
            return sign_in_page(request, path, path.removeprefix("/"))
        detail = "This server asks for its key; send it as the header `Authorization: Bearer KEY`."
        return problem(401, detail, {"WWW-Authenticate": "Bearer"})


def _headers(inner: Iterable[tuple[bytes, bytes]], origin: str | None) -> list[tuple[bytes, bytes]]:
    """Those of an answer, as the settings have them: what pages of other origins may do, and who may show ours."""
    kept = [pair for pair in inner if origin is None or pair[0].lower() != b"access-control-allow-origin"]
    kept = [pair for pair in kept if pair[0].lower() != b"access-control-allow-credentials"]
    names = {name.lower() for name, _ in kept}
    is_page = any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in kept)
    if is_page and b"content-security-policy" not in names:
        frames = ["'self'", *settings().allowed_origins, *([SPACES] if os.environ.get("SPACE_ID") else [])]
        kept.append((b"content-security-policy", f"frame-ancestors {' '.join(frames)}".encode()))
    if b"x-content-type-options" not in names:
        kept.append((b"x-content-type-options", b"nosniff"))
    if origin is not None:
        exposed = (b"access-control-expose-headers", EXPOSED.encode())
        kept += [(b"access-control-allow-origin", origin.encode()), exposed, (b"vary", b"Origin")]
    return kept


class BodyLimit:
    """Middleware that ends a request whose body has too many bytes, before it is stored, or stops coming."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        # Bytes beside the files; all that anything but a form with files may have.
        self.overhead = settings().max_text_chars * BYTES_PER_CHARACTER + FORM_OVERHEAD

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Request(scope).headers
        if headers.get("content-type", "").startswith("multipart/"):
            limit = settings().max_upload_bytes + self.overhead
            detail = f"The upload is larger than {settings().max_upload_bytes / 2**20:g} MB; cut it or save it smaller."
        else:
            limit = self.overhead
            detail = f"The request has more than {limit} bytes; send a shorter text, or files in a form."
        read, waited = 0, 0.0
        whole = False

        async def limited() -> Message:
            nonlocal read, waited, whole
            began = asyncio.get_running_loop().time()
            left = min(STALLED_SECONDS, STALLED_SECONDS + read / SLOWEST - waited)
            try:
                # Afterwards a route may wait here, for as long as it likes, for the client to leave.
                async with asyncio.timeout(None if whole else left):
                    message = await receive()
            except TimeoutError:
                raise TooSlow from None
            waited += asyncio.get_running_loop().time() - began
            whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > limit:
                raise TooLarge
            return message

        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            await self._refuse(detail, scope, receive, send)
            return
        try:
            await self.app(scope, limited, send)
        except TooLarge:
            await self._refuse(detail, scope, receive, send)
        except TooSlow:
            detail = "The request came too slowly, or not to its end; send it again."
            await problem(408, detail, {"Connection": "close"})(scope, receive, send)

    async def _refuse(self, detail: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, after a part of what still comes: a client that is cut off while it sends reads no answer."""
        thrown = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(THROW_AWAY_SECONDS):
                while thrown < THROW_AWAY_BYTES:
                    message = await receive()
                    thrown += len(message.get("body", b""))
                    if not message.get("more_body"):
                        break
        await problem(413, detail, {"Connection": "close"}, kind=LimitExceeded.kind)(scope, receive, send)


class TooLarge(BaseException):
    """Not an Exception, so that nothing on the way takes it for a defect."""


class TooSlow(BaseException):
    """The same, for a body that does not come."""
