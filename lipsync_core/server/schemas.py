"""What can be asked for: the fields of a request, in JSON, in a form or in an address; those of a take come from its
options."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from lipsync_core.core.options import Option, TakeOptions, options, parse_face
from lipsync_core.jobs.render import Limits

SESSION_NAME = r"^[A-Za-z0-9_-]{8,64}$"


def _face(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """A form sends it as text, see `parse_face`."""
    try:
        return check(parse_face(value) if isinstance(value, str) else value)
    except ValueError:  # pydantic's own error is one too, and would tell of each way to write it
        raise ValueError(f"{str(value)[:60]} is no face; send a number such as 0 or a point such as 320,240") from None


def _whole(value: str) -> str:
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("half of a surrogate pair is no character")
    return value


Words = Annotated[str, AfterValidator(_whole)]
Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(_whole)]
FacePoint = Annotated[int | tuple[int, int] | tuple[float, float] | None, WrapValidator(_face)]

# Where a request means something else than Python does: a name instead of a file, a file of its own, a smaller limit.
OTHERWISE: dict[str, dict[str, Any]] = {
    "text": {"kind": Words | None, "about": "What to say; or else send a recording as the file `audio`."},
    "avatar": {"kind": Name | None, "about": "A name from /api/avatars, or an id that POST /api/avatars gave."},
    "voice": {"kind": Name | None, "about": "An id from /api/voices; default the best one."},
    "language": {"kind": Name | None},
    "model": {"kind": Name | None, "about": "A name from /api/models; default that of the settings."},
    "face": {"kind": FacePoint},
    "queue_frames": {"highest": 300},
}
SENT_AS_FILE = {"audio"}


def _field(option: Option) -> tuple[Any, Any]:
    option = replace(option, **OTHERWISE.get(option.name, {}))
    return option.kind, Field(option.default, ge=option.lowest, le=option.highest, description=option.about)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _fields(names: Iterable[str]) -> dict[str, Any]:
    return {name: _field(options()[name]) for name in names}


if TYPE_CHECKING:  # whose fields nobody but the table of options knows

    class LiveOptions(_Strict):
        def __getattr__(self, name: str) -> Any: ...

    class _Fields(LiveOptions): ...

else:
    _Fields = create_model(
        "_Fields", __base__=_Strict, **_fields(name for name in options() if name not in SENT_AS_FILE)
    )
    LiveOptions = create_model(
        "LiveOptions",
        __base__=_Strict,
        __doc__="What may change while a live session runs.",
        **_fields(name for name, option in options().items() if option.live),
    )


class TakeRequest(_Fields):
    """What is to be said, by whom and how. Fields that are left out have the defaults of the settings."""

    def options(self, *, low_latency: bool, **sources: Any) -> TakeOptions:
        """The options of the take. sources: its avatar, and its recording if there is one.

        low_latency: where the request does not say. Raises LipsyncError for what is not allowed.
        """
        Limits.of_settings().check_size(self.size)
        values = {name: getattr(self, name) for name in options() if name not in SENT_AS_FILE}
        if values["low_latency"] is None:
            values["low_latency"] = low_latency
        return TakeOptions(**values | sources)


class StreamRequest(TakeRequest):
    """A request whose frames are watched while they are made."""

    pace: bool = Field(True, description="Frames come when they are due; false: as fast as they are made, all of them.")
    session: str | None = Field(None, pattern=SESSION_NAME, description="Your own name for the session, 8 to 64 signs.")
    quality: int | None = Field(None, ge=1, le=100, description="Of the JPEG pictures; default 85.")
