"""From a request to its fields and files."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile

from lipsync_core import Avatar, LipsyncError, TakeOptions
from lipsync_core.cancel import CancelToken
from lipsync_core.face import default_avatars
from lipsync_core.jobs import uploads
from lipsync_core.jobs.service import Service, service_of
from lipsync_core.server.schemas import TakeRequest
from lipsync_core.settings import settings

FIELDS, FILES = 32, 2  # of a form, at most
JSON = re.compile(r"(application|text)/([\w.-]+\+)?json")
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
BYTES_PER_CHARACTER = 12  # of JSON, which may write a character as two \uXXXX
FORM_OVERHEAD = 2**20  # bytes beside the files and the text

Kind = TypeVar("Kind", bound=TakeRequest)
Kind_co = TypeVar("Kind_co", bound=TakeRequest, covariant=True)


@dataclass(frozen=True)
class ParsedRequest(Generic[Kind_co]):
    """order: the fields. audio, face: uploads, stored in `folder`, which goes with the request."""

    order: Kind_co
    folder: Path
    audio: Path | None
    face: Path | None

    def options(self, service: Service, *, low_latency: bool) -> TakeOptions:
        """What the take is to be. low_latency: where the request does not say. Raises LipsyncError."""
        return self.order.options(low_latency=low_latency, avatar=self.source(service), audio=self.audio)

    def source(self, service: Service) -> Avatar | Path:
        """The face that is meant, not prepared yet unless it was ahead. Raises LipsyncError."""
        order = self.order
        if self.face is not None or order.avatar is None:
            return self.face or next(iter(default_avatars().values()))
        avatar = service.avatars.get(order.avatar)
        if avatar is None:
            return _listed(order.avatar)
        if order.size is not None or order.face is not None:
            raise LipsyncError("This avatar was prepared with its own size and face; leave those two out.")
        return avatar

    async def avatar(self, service: Service, progress: Callable[[float], object] = lambda part: None) -> Avatar:
        """The prepared face; cancelling ends the work on it and waits until it has ended. Raises LipsyncError."""
        token = CancelToken()

        def look(part: float) -> None:
            token.check()
            progress(part)

        return await service.threads.faces.run(lambda: self.avatar_now(service, look), token.cancel)

    def avatar_now(self, service: Service, progress: Callable[[float], object] | None = None) -> Avatar:
        """As `avatar`; blocks. What progress raises ends the work."""
        order = self.order
        return service.studio.avatar(self.source(service), face=order.face, size=order.size, progress=progress)


@asynccontextmanager
async def parse_request(request: Request, kind: type[Kind], speech: bool = True) -> AsyncIterator[ParsedRequest[Kind]]:
    """Read and check a request; its files are there for the block.

    speech: whether there must be a text or a recording. Raises HTTPException, ValidationError or LipsyncError.
    """
    service = service_of(request)
    form = None
    try:
        fields: dict[str, Any] = {}
        if request.method == "GET":
            fields = dict(request.query_params)
        elif JSON.fullmatch(_content_type(request)):
            fields = await _json(request)
        else:
            _check_form(request)
            part = settings().max_text_chars * BYTES_PER_CHARACTER
            form = await request.form(max_files=FILES, max_fields=FIELDS, max_part_size=part)
            fields = dict(form)
        files = {name: fields.pop(name) for name in list(fields) if isinstance(fields[name], UploadFile)}
        # Browsers send an empty file or an empty field where nothing was chosen.
        files = {name: file for name, file in files.items() if file.filename or file.size}
        fields = {name: value for name, value in fields.items() if value != "" or name == "text"}
        if unknown := set(files) - {"audio", "avatar"}:
            raise LipsyncError("There is no file {file!r}; send files as `audio` or `avatar`.", file=unknown.pop())
        order = kind.model_validate(fields)
        if "avatar" in files and order.avatar is not None:
            raise LipsyncError("There are both a file and a name as avatar; send one of the two.")
        if speech and (order.text is None) == ("audio" not in files):
            raise LipsyncError("Either a text or a recording is needed; send `text` or the file `audio`.")
        with service.folder.job() as folder:
            paths = await asyncio.to_thread(_store, files, folder)
            yield ParsedRequest(order, folder, paths.get("audio"), paths.get("avatar"))
    finally:
        if form is not None:
            await form.close()


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_form(request: Request) -> None:
    sent = _content_type(request)
    if sent not in FORMS and (sent or request.headers.get("content-length", "0") != "0"):
        raise HTTPException(415, f"{sent[:60] or 'A body without a type'} is not read here; send JSON or a form.")


def _store(files: dict[str, UploadFile], folder: Path) -> dict[str, Path]:
    checks = {"audio": uploads.check_recording, "avatar": uploads.check_avatar}
    paths = {}
    for kind, upload in files.items():
        paths[kind] = uploads.store(upload, folder, kind)
        checks[kind](paths[kind])
    return paths


async def _json(request: Request) -> dict[str, Any]:
    limit = settings().max_text_chars * BYTES_PER_CHARACTER + FORM_OVERHEAD
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise HTTPException(413, f"The request has more than {limit} bytes; send a shorter text.")
    try:
        fields = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "The request is not valid JSON; see /docs for its fields.") from None
    if not isinstance(fields, dict):
        raise HTTPException(400, "The request must be a JSON object; see /docs for its fields.")
    return fields


def _listed(name: str) -> Path:
    """The file of a default avatar: nothing else of the file system can be named."""
    faces = default_avatars()
    for known, path in faces.items():
        if known.casefold() == name.casefold():
            return path
    raise LipsyncError(
        "There is no avatar {name!r}; use {names}, or upload a file.", name=name[:60], names=tuple(faces)
    )


def body_schema(kind: type[TakeRequest]) -> dict[str, Any]:
    """What OpenAPI tells of a body that is JSON, or a form with files."""
    schema = kind.model_json_schema()
    file = {"type": "string", "format": "binary"}
    form = schema | {"properties": schema["properties"] | {"audio": file, "avatar": file}}
    return {
        "requestBody": {
            "content": {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}},
            "required": True,
        }
    }


def query_schema(kind: type[TakeRequest]) -> dict[str, Any]:
    """The same fields in an address."""
    properties = kind.model_json_schema()["properties"]
    return {"parameters": [{"name": name, "in": "query", "schema": one} for name, one in properties.items()]}
