"""The key of a server: who has it, its cookie, what wrong keys cost, and the page that asks for it."""

import hashlib
import hmac
import html
import ipaddress
import re
import threading
import time
from collections import OrderedDict
from pathlib import Path
from string import Template

from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from lipsync_core.jobs.downloads import root_path
from lipsync_core.settings import settings

COOKIE = "lipsync_key"
KEY_ROUTE, FORM_ROUTE = "/api/key", "/api/sign-in"  # where a page turns the key into a cookie, so they must be open
FREE_ATTEMPTS = 5  # wrong keys of one address until it has to wait
LONGEST_WAIT = 60.0  # seconds between two attempts; each wrong one doubles it, from one second
FORGOTTEN_SECONDS = 900.0  # after its last wrong key an address begins anew
ADDRESSES = 10_000  # that are remembered
IPV6_NETWORK = 64  # bits: whoever has one address of IPv6 has so many more

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
PAGE = Template((Path(__file__).with_name("static") / "sign_in.html").read_text(encoding="utf-8"))
LANGUAGES = {
    "en": {
        "asks": "This server asks for its key.",
        "label": "Key",
        "open": "Open",
        "wrong": "This is not the key.",
        "wait": "Too many wrong keys; try again in {seconds} seconds.",
    },
    "ru": {
        "asks": "Этот сервер открывается ключом.",
        "label": "Ключ",
        "open": "Открыть",
        "wrong": "Это не тот ключ.",
        "wait": "Слишком много неверных ключей; попробуйте через {seconds} с.",
    },
}


class Locked(HTTPException):
    """Too many wrong keys came from this address; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        detail = f"Too many wrong keys came from your address; try again in {seconds} seconds."
        super().__init__(429, detail, {"Retry-After": str(seconds)})
        self.seconds = seconds


class Attempts:
    """Compares keys in constant time; after some wrong ones an address waits longer and longer for the next."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and when the last one came
        self._lock = threading.Lock()

    def is_key(self, given: str, client: str) -> bool:
        """Whether it is the key. client: its address. Raises Locked without looking at the key."""
        key, address, now = settings().api_key or "", _network(client), time.monotonic()
        with self._lock:
            count, last = self._failures.get(address, (0, now))
            if now - last > FORGOTTEN_SECONDS:
                count = 0
            if count >= FREE_ATTEMPTS:
                left = last + min(LONGEST_WAIT, 2.0 ** (count - FREE_ATTEMPTS)) - now
                if left > 0:
                    raise Locked(max(1, round(left)))
            if hmac.compare_digest(given.encode(), key.encode()):
                self._failures.pop(address, None)
                return True
            self._failures[address] = min(count + 1, 100), now
            self._failures.move_to_end(address)
            while len(self._failures) > ADDRESSES:
                self._failures.popitem(last=False)
        return False

    def admits(self, request: HTTPConnection) -> bool:
        """Whether a request has the key, as a cookie or in a header, where one is asked for. Raises Locked."""
        if settings().api_key is None or has_cookie(request):
            return True
        client = request.client.host if request.client else ""
        return any(self.is_key(given, client) for given in _given(request))


def cookie_of(key: str) -> str:
    """What stands for the key in a cookie: it opens the server, but the key cannot be read from it."""
    return hmac.new(key.encode(), b"lipsync-studio cookie", hashlib.sha256).hexdigest()


def has_cookie(request: HTTPConnection) -> bool:
    """Whether a request has the cookie."""
    key = settings().api_key
    cookie = request.cookies.get(COOKIE, "")
    return key is not None and hmac.compare_digest(cookie.encode(), cookie_of(key).encode())


def set_cookie(response: Response, request: HTTPConnection) -> None:
    """Let a browser send the cookie from now on, also where the server lies below a path of a proxy."""
    key = settings().api_key
    if key is not None:
        place = root_path(request.scope)
        secure = request.url.scheme == "https" or place.scheme == "https"
        response.set_cookie(
            COOKIE, cookie_of(key), path=place.path.rstrip("/") or "/", httponly=True, samesite="lax", secure=secure
        )


def sign_in_page(request: HTTPConnection, path: str, leads_to: str, wrong: bool = False, wait: int = 0) -> HTMLResponse:
    """The page that asks for the key, in the browser's language.

    path: where it is shown. leads_to: where the browser goes with the key, from the root of the server. wrong: whether
    another key was given. wait: seconds until the next one is looked at.
    """
    language = request.headers.get("accept-language", "").strip().lower()[:2]
    language = language if language in LANGUAGES else "en"
    words = LANGUAGES[language]
    said = words["wait"].format(seconds=wait) if wait else words["wrong"] if wrong else ""
    page = PAGE.substitute(
        words,
        lang=language,
        action="../" * (path.count("/") - 1) + FORM_ROUTE.removeprefix("/"),
        next=html.escape(leads_to),
        said=html.escape(said),
    )
    headers = {"Cache-Control": "no-store", "Vary": "Cookie", "Content-Security-Policy": POLICY}
    headers |= {"Retry-After": str(wait)} if wait else {"WWW-Authenticate": "Bearer"}
    return HTMLResponse(page, 429 if wait else 401, headers)


def next_page(given: object) -> str:
    """Where a sign-in leads, from the root of the server: an address that came with the form, if it is one of ours."""
    return given if isinstance(given, str) and re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)*/?", given) else ""


def _given(request: HTTPConnection) -> list[str]:
    """Keys that a program has sent."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    keys = [token.strip() if scheme.lower() == "bearer" else "", request.headers.get("x-api-key", "")]
    return [key for key in keys if key]


def _network(client: str) -> str:
    """What counts as one client."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))
    return client
