"""What can be asked for: the fields of a request, in JSON, in a form or in an address."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from lipsync_core.errors import LimitExceeded
from lipsync_core.settings import settings

SESSION_NAME = r"^[A-Za-z0-9_-]{8,64}$"


def _face(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """`0`, `320,240` or `0.5,0.4`, as a form sends it; whole numbers stay whole, because they are pixels."""
    try:
        if isinstance(value, str):
            numbers = [float(part) if "." in part else int(part) for part in value.split(",")]
            value = numbers[0] if len(numbers) == 1 else tuple(numbers)
        return check(value)
    except ValueError:  # pydantic's own error is one too, and would tell of each way to write it
        raise ValueError(f"{str(value)[:60]} is no face; send a number such as 0 or a point such as 320,240") from None


def _whole(value: str) -> str:
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("half of a surrogate pair is no character")
    return value


Words = Annotated[str, AfterValidator(_whole)]
Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(_whole)]


class Order(BaseModel):
    """What is to be said, by whom and how. Fields that are left out have the defaults of the settings."""

    model_config = ConfigDict(extra="forbid")

    text: Words | None = Field(None, description="What to say; or else send a recording as the file `audio`.")
    avatar: Name | None = Field(None, description="A name from /api/avatars, or an id that POST /api/avatars gave.")
    language: Name | None = Field(None, description="Code or name; default by the text's letters.")
    voice: Name | None = Field(None, description="An id from /api/voices; default the best one.")
    speed: float = Field(1.0, ge=0.5, le=2.0)
    model: Name = Field("rig", description="A name from /api/models.")
    low_latency: bool | None = Field(None, description="Small batches first. Default: true for streams.")
    batch_size: int | None = Field(None, ge=1, le=960, description="Frames drawn at once; overrides low_latency.")
    fps: float | None = Field(None, ge=1, le=120, description="Default: the clip's own, or 25.")
    size: int | None = Field(None, ge=64, le=2160, description="Pixels of the shorter side; default the avatar's.")
    face: Annotated[int | tuple[int, int] | tuple[float, float] | None, WrapValidator(_face)] = Field(
        None, description="Which face of an upload: 0 is the largest, or a point such as 320,240."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Of blinks and sway.")
    idle: bool = Field(True, description="Whether a photo blinks, sways and breathes.")
    queue_frames: int | None = Field(None, ge=1, le=300, description="Frames that may wait between stages; default 30.")

    def take_options(self, low_latency: bool) -> dict[str, Any]:
        """Arguments of Studio.take but text, audio and avatar. Raises LipsyncError for what is not allowed here."""
        if self.size is not None and self.size > settings().max_size:
            raise LimitExceeded(
                "The size {size} is too large here; choose up to {most} pixels.",
                size=self.size,
                most=settings().max_size,
            )
        names = ("language", "voice", "speed", "model", "batch_size", "fps", "seed", "idle", "queue_frames")
        chosen = low_latency if self.low_latency is None else self.low_latency
        return {name: getattr(self, name) for name in names} | {"low_latency": chosen}


class StreamOrder(Order):
    """An order whose frames are watched while they are made."""

    pace: bool = Field(True, description="Frames come when they are due; false: as fast as they are made, all of them.")
    session: str | None = Field(None, pattern=SESSION_NAME, description="Your own name for the session, 8 to 64 signs.")
    quality: int | None = Field(None, ge=1, le=100, description="Of the JPEG pictures; default 85.")
