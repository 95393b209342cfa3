"""Server-sent events."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.sse import format_sse_event

MEDIA_TYPE = "text/event-stream"


def wants_events(request: Request) -> bool:
    """Whether a client asks for events instead of the thing itself."""
    return MEDIA_TYPE in request.headers.get("accept", "")


def event(name: str, /, **facts: Any) -> bytes:
    """One event; its data is a JSON object."""
    return format_sse_event(event=name, data_str=json.dumps(facts, ensure_ascii=False))


def error_event(response: Response) -> bytes:
    """An event `error` with the problem that a response is."""
    return format_sse_event(event="error", data_str=bytes(response.body).decode())
