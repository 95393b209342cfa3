"""A voice that can be chosen, whether it is ready or not."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Voice:
    """One voice of one engine.

    id: engine and name, such as "piper:en_US-joe-medium", "espeak:ru" or "espeak:ru+f3".
    language: BCP-47 code. language_name, native_language_name: in English, and in the language itself.
    gender: "male", "female" or "" where unknown. age: in years, None where unknown.
    neural: sounds human; the others are robotic.
    licence: of engine and voice. commercial_use: whether that licence allows it; None where its
        sources leave that open, as `licence` then says.
    ready: can speak now; otherwise `how_to_get` says in one sentence what to do.
    sample_rate: samples a second.
    aliases: other names it answers to.
    checkpoints: entries of the manifest that it needs, which `lipsync_core.checkpoints.fetch` gets.
    """

    id: str
    name: str
    language: str
    language_name: str
    native_language_name: str
    sample_rate: int
    licence: str
    gender: str = ""
    age: int | None = None
    neural: bool = False
    commercial_use: bool | None = True
    ready: bool = True
    how_to_get: str = ""
    aliases: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()

    @property
    def engine(self) -> str:
        """Name of the engine that speaks it."""
        return self.id.partition(":")[0]

    @property
    def name_in_engine(self) -> str:
        """The id without the engine."""
        return self.id.partition(":")[2]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return (
            {"id": self.id, "engine": self.engine}
            | asdict(self)
            | {
                "aliases": list(self.aliases),
                "checkpoints": list(self.checkpoints),
            }
        )
