"""Errors as problem details (RFC 9457): one sentence, never a stack trace."""

import errno
import json
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import compile_path

from lipsync_core.errors import LipsyncError, redacted
from lipsync_core.jobs.queue import Busy
from lipsync_core.jobs.streaming import Left

CLIENT_LEFT = 499  # as other servers log it; nobody receives it
MEDIA_TYPE = "application/problem+json"
FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_ERRORS = 5  # of one request that are told
LONGEST_PATH = 100  # characters of an address that are repeated
log = logging.getLogger(__name__)


class _Problem(JSONResponse):
    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """What was sent may be repeated in it, and need not be text."""
        return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def problem(status: int, detail: str, headers: dict[str, str] | None = None, *, kind: str = "") -> JSONResponse:
    """A response that says what was wrong, but not where on this server.

    kind: of an error, see LipsyncError; without one the status says as much.
    """
    content = {"type": problem_type(kind), "title": HTTPStatus(status).phrase, "status": status}
    return _Problem(content | {"detail": redacted(detail)}, status, headers)


def problem_type(kind: str) -> str:
    """The URI for a kind of error, by which programs know it."""
    return f"urn:lipsync-studio:{kind}" if kind else "about:blank"


def of_error(error: Exception) -> JSONResponse:
    """The problem that an exception is; what is no fault of the client is logged and not told."""
    if getattr(error if isinstance(error, OSError) else error.__cause__, "errno", None) in FULL:
        return problem(507, "The disk of the server is full; try again later, or tell whoever runs it.")
    if isinstance(error, Busy):
        return problem(429, error.message, {"Retry-After": str(error.retry_after)}, kind=error.kind)
    if isinstance(error, LipsyncError):
        return problem(422, error.message, kind=error.kind)
    if isinstance(error, HTTPException):
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))
    if isinstance(error, RequestValidationError) and (broken := _not_an_object(error.errors())):
        return problem(400, broken)
    if isinstance(error, ValidationError | RequestValidationError):
        return problem(422, _sentence(error.errors()), kind=LipsyncError.kind)
    log.error("A request failed", exc_info=error)
    return problem(500, "The server made a mistake, which its log explains; try again or tell whoever runs it.")


def tell_problems(app: FastAPI) -> None:
    """Let an application answer with problems."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, HTTPException) and error.detail == HTTPStatus(error.status_code).phrase:
            return _nowhere(app, request, error)
        return of_error(error)

    async def nothing(request: Request, error: Exception) -> Response:
        return Response(status_code=CLIENT_LEFT)

    app.add_exception_handler(Left, nothing)
    app.add_exception_handler(ClientDisconnect, nothing)
    for kind in (LipsyncError, HTTPException, ValidationError, RequestValidationError, OSError, Exception):
        app.add_exception_handler(kind, answer)


def _nowhere(app: FastAPI, request: Request, error: HTTPException) -> JSONResponse:
    """What a router leaves unsaid."""
    status = error.status_code
    where = f"{request.method} {request.url.path[:LONGEST_PATH]}"
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        return problem(status, f"There is no {where} here; /docs lists all routes.")
    # A path that takes slashes is another one in OpenAPI, but what refuses it names its methods.
    methods = {method for method in (error.headers or {}).get("Allow", "").split(", ") if method}
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    for known, operations in app.openapi()["paths"].items():
        if compile_path(known)[0].match(path):
            methods |= {method.upper() for method in operations}
    allowed = ", ".join(sorted(methods or {"GET"}))
    return problem(status, f"{where} is not possible; use {allowed}.", {"Allow": allowed})


def _not_an_object(errors: Sequence[Any]) -> str | None:
    """What is wrong with a body that is no JSON object at all; None where it is one."""
    for error in errors:
        if error["type"] == "json_invalid":
            return "The request is not valid JSON; see /docs for its fields."
        if error["loc"] == ("body",):
            return "The request must be a JSON object; see /docs for its fields."
    return None


def _sentence(errors: Sequence[Any]) -> str:
    said = []
    for error in errors[:MOST_ERRORS]:
        place = ".".join(str(part)[:LONGEST_PATH] for part in error["loc"] if part not in ("body", "query"))
        message = str(error["msg"]).removeprefix("Value error, ")
        said.append(f"{place}: {message}" if place else message)
    if len(errors) > MOST_ERRORS:
        said.append(f"and {len(errors) - MOST_ERRORS} more")
    return "; ".join(said).rstrip(".") + "."
