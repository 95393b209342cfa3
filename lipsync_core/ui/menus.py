"""What the menus offer, made of what the program knows, so that a new voice or model appears by itself."""

from typing import Any

from lipsync_core.models import ModelInfo, models
from lipsync_core.settings import settings
from lipsync_core.speech import Voice, languages, voices
from lipsync_core.ui.i18n import COMMERCIAL, Words

SIZES = (256, 384, 512, 720, 1080)  # pixels

Choices = list[tuple[str, Any]]


def language_menu(words: Words) -> Choices:
    """Own names; languages with a neural voice first, then those with another, then those that need a file.

    Among those, the language of the page comes first.
    """
    rank: dict[str, tuple[bool, bool]] = {}
    for voice in voices():
        rank[voice.language] = min(rank.get(voice.language, (True, True)), (not voice.ready, not voice.neural))
    own = words.language
    entries = sorted(
        languages(), key=lambda one: (rank[one.code], one.code.split("-")[0] != own, one.native_name.casefold())
    )
    menu: Choices = [(words("automatic"), "")]
    for entry in entries:
        shown = entry.native_name if entry.native_name == entry.name else f"{entry.native_name} – {entry.name}"
        missing, robotic = rank[entry.code]
        menu.append((f"{shown} · {_mark(not missing, not robotic, words)}".removesuffix(" · "), entry.code))
    return menu


def voice_menu(language: str, words: Words) -> Choices:
    """Voices of a language, the best one first; those that need a file last."""
    return [(words("automatic"), ""), *((_voice(voice, words), voice.id) for voice in voices(language or None))]


def _voice(voice: Voice, words: Words) -> str:
    own = voice.name.startswith((voice.language_name, voice.native_language_name))
    name = voice.name if own else f"{voice.native_language_name}: {voice.name}"
    if voice.neural and voice.name_in_engine.isidentifier() and voice.name_in_engine != voice.name:
        name = f"{name} ({voice.name_in_engine})"  # by which programs know it, so that it can be looked for
    return f"{name} · {_mark(voice.ready, voice.neural, words)}".removesuffix(" · ")


def _mark(ready: bool, neural: bool, words: Words) -> str:
    return words("needs_file") if not ready else words("neural") if neural else ""


def model_menu(words: Words) -> Choices:
    """Names of models."""
    return [(one.name if one.ready else f"{one.name} · {words('needs_file')}", one.name) for one in models()]


def model_line(name: str, words: Words) -> str:
    """The licence of a model in one line."""
    for one in models():
        if one.name == name:
            return _licence(one, words)
    return ""


def voice_line(voice: str, words: Words) -> str:
    """The licence of a voice in one line; nothing for the automatic one."""
    for one in voices():
        if one.id == voice:
            return _licence(one, words)
    return ""


def _licence(one: ModelInfo | Voice, words: Words) -> str:
    return f"{words('licence')}: {words.sentence(one.licence)} ({words(COMMERCIAL[one.commercial_use])})"


def size_menu(words: Words) -> Choices:
    """Pixels of the shorter side; 0 is the picture's own."""
    return [(words("size_own"), 0), *((str(size), size) for size in SIZES if size <= settings().max_size)]
