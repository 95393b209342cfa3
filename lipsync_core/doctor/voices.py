"""Which voices and languages can be spoken."""

from dataclasses import asdict
from typing import Any

from lipsync_core.doctor.attempt import INSTALL_ANEW, reason
from lipsync_core.doctor.coqui import import_fault
from lipsync_core.errors import LipsyncError


def voices(imports: bool = True) -> list[dict[str, Any]]:
    """For each engine: how many voices it has and how many are ready, their licences, how to get the others.

    "fault" says why the first voice that should be ready does not speak, which is tried; it is empty if it does.
    "pace" is how fast it speaks, which is kept: the default voices depend on it.
    imports: also try to import Coqui where it is installed and none of its voices is ready, which would try it.
    """
    from lipsync_core.speech import voices as listed
    from lipsync_core.speech.engines.coqui.library import lacking

    engines: dict[str, dict[str, Any]] = {}
    for voice in listed():
        engine = engines.setdefault(
            voice.engine,
            {"engine": voice.engine, "neural": voice.neural, "voices": 0, "ready": 0, "licences": [], "how_to_get": []},
        )
        own = voice.engine == "coqui" and not voice.checkpoints  # each a network of its own
        if voice.ready and (own or "fault" not in engine):
            engine["fault"], engine["pace"] = _tried(voice)
        engine["voices"] += 1
        engine["ready"] += voice.ready
        licence = {"licence": voice.licence, "commercial_use": voice.commercial_use}
        if licence not in engine["licences"]:
            engine["licences"].append(licence)
        if voice.how_to_get and voice.how_to_get not in engine["how_to_get"]:
            engine["how_to_get"].append(voice.how_to_get)
    coqui = engines.get("coqui")
    if imports and coqui and not coqui["ready"] and not lacking() and (fault := import_fault()):
        coqui["how_to_get"] = [fault]  # no download would help
    return list(engines.values())


def _tried(voice: Any) -> tuple[str, dict[str, Any] | None]:
    """What is wrong with a voice, or how fast it is."""
    from lipsync_core.speech.engines.speed import measure_pace

    try:
        pace = measure_pace(voice)
    except LipsyncError as error:
        return str(error), None
    except Exception as error:  # a damaged package raises anything
        return f"The voice {voice.id} does not speak ({reason(error)}); {INSTALL_ANEW}.", None
    return "", asdict(pace) | {"keeps_ahead": pace.keeps_ahead}


def languages() -> list[dict[str, Any]]:
    """Every language that a voice which is ready speaks, and the voice it has by default."""
    from lipsync_core.speech import languages as known
    from lipsync_core.speech import voices as listed

    best: dict[str, Any] = {}
    for voice in listed():  # the best of each language first
        if voice.ready:
            best.setdefault(voice.language, voice)
    return [
        {"code": language.code, "name": language.name, "voice": best[language.code].id}
        for language in known()
        if language.code in best
    ]
