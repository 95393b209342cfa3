"""Who may use the API: the page itself and programs; other origins and keyless clients only where a setting says so."""

import asyncio
import hashlib
import hmac
from contextlib import suppress

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync_core.errors import LimitExceeded
from lipsync_core.jobs.downloads import address
from lipsync_core.server.problem_details import problem
from lipsync_core.settings import settings

COOKIE = "lipsync_key"
KEY_ROUTE = "/api/key"  # where a page turns the key into a cookie, so it must be open
METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
EXPOSED = "X-Session-Id, X-Start-Time, Retry-After"
STALLED_SECONDS = 30.0  # without a byte of a body that is not there yet
THROW_AWAY_BYTES, THROW_AWAY_SECONDS = 2**26, 5.0
DAY = 86400  # seconds that a browser may remember what a preflight said


def cookie_of(key: str) -> str:
    """What stands for the key in a cookie: it opens the API, but the key cannot be read from it."""
    return hmac.new(key.encode(), b"lipsync-studio cookie", hashlib.sha256).hexdigest()


def knows_key(request: Request) -> bool:
    """Whether a request has the key, where one is asked for; compares in constant time."""
    key = settings().api_key
    if key is None:
        return True
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    cookie = request.cookies.get(COOKIE, "")
    by_header = hmac.compare_digest(given.encode(), key.encode())
    return hmac.compare_digest(cookie.encode(), cookie_of(key).encode()) or by_header


def foreign_origin(request: Request) -> str | None:
    """The other site whose page sends this request, or None for this one's page or a program."""
    site = request.headers.get("sec-fetch-site", "")  # browsers set it, and no script can
    if site in ("same-origin", "none"):
        return None
    origin = request.headers.get("origin", "").lower()
    if not origin and site:  # a picture or a sound: no origin, but a referrer, unless the page hides it
        parts = address(request.headers.get("referer", ""))
        origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else "null"
    if not origin or (not site and address(origin).netloc == request.headers.get("host", "").lower()):
        return None
    return origin


class Guard:
    """Middleware before /api."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Behind a proxy or in another application, the path may have a prefix.
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or not path.startswith("/api"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        origin = foreign_origin(request)
        allowed = settings().allowed_origins
        if origin and origin not in allowed and "*" not in allowed:
            refusal = problem(403, f"Pages of {origin} may not use this server; LIPSYNC_ALLOWED_ORIGINS can allow it.")
            await refusal(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if origin and message["type"] == "http.response.start":
                ours = {
                    b"access-control-allow-origin": origin.encode(),
                    b"access-control-expose-headers": EXPOSED.encode(),
                    b"vary": b"Origin",
                }
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
                message = {**message, "headers": [*kept, *ours.items()]}
            await send(message)

        if request.method == "OPTIONS":
            asked = request.headers.get("access-control-request-headers", "content-type")
            headers = {
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": asked,
                "Access-Control-Max-Age": str(DAY),
            }
            await problem(200, "These methods are allowed.", headers)(scope, receive, tell)
        elif path != KEY_ROUTE and not knows_key(request):
            detail = "This server asks for its key; send it as the header `Authorization: Bearer KEY`."
            await problem(401, detail, {"WWW-Authenticate": "Bearer"})(scope, receive, tell)
        else:
            await self.app(scope, receive, tell)


class BodyLimit:
    """Middleware that ends a request whose body has too many bytes, before it is stored, or stops coming.

    overhead: bytes beside the files; all that anything but a form with files may have.
    """

    def __init__(self, app: ASGIApp, overhead: int) -> None:
        self.app, self.overhead = app, overhead

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
        read = 0
        whole = False

        async def limited() -> Message:
            nonlocal read, whole
            try:
                # Afterwards a route may wait here, for as long as it likes, for the client to leave.
                async with asyncio.timeout(None if whole else STALLED_SECONDS):
                    message = await receive()
            except TimeoutError:
                raise TooSlow from None
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
            detail = f"Nothing of the request came for {STALLED_SECONDS:g} seconds; send it again."
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
