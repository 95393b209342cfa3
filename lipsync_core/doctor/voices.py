"""Which voices and languages can be spoken."""

from dataclasses import asdict
from typing import Any

from lipsync_core.doctor.attempt import INSTALL_ANEW, reason
from lipsync_core.errors import LipsyncError


def voices(imports: bool = True) -> list[dict[str, Any]]:
    """For each engine: how many voices it has and how many are ready, their licences, how to get the others.

    "fault" says why a voice that should be ready does not speak; it is empty where all do. Of voices that
    share a network one is tried. "pace" is how fast the first one speaks, on which default voices depend.
    imports: also try to import an engine of which no voice is ready, which would try it.
    """
    from lipsync_core.speech import voices as listed
    from lipsync_core.speech.engines.registry import get_engine

    engines: dict[str, dict[str, Any]] = {}
    tried: set[str] = set()
    for voice in listed():
        engine = engines.setdefault(
            voice.engine,
            {"engine": voice.engine, "neural": voice.neural, "voices": 0, "ready": 0, "licences": [], "how_to_get": []},
        )
        group = get_engine(voice.engine).speed_group(voice)
        if voice.ready and group not in tried:
            tried.add(group)
            fault, pace = _tried(voice)
            engine["fault"] = engine.get("fault") or fault
            engine["pace"] = engine.get("pace") or pace
        engine["voices"] += 1
        engine["ready"] += voice.ready
        licence = {"licence": voice.licence, "commercial_use": voice.commercial_use}
        if licence not in engine["licences"]:
            engine["licences"].append(licence)
        if voice.how_to_get and voice.how_to_get not in engine["how_to_get"]:
            engine["how_to_get"].append(voice.how_to_get)
    for name, engine in engines.items():
        if imports and not engine["ready"] and (fault := get_engine(name).import_fault()):
            engine["how_to_get"] = [fault]  # no download would help
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
    from lipsync_core.speech.engines.registry import get_engine

    best: dict[str, Any] = {}
    for voice in listed():  # the best of each language first
        if voice.ready:
            best.setdefault(voice.language, voice)
    return [
        {
            "code": language.code,
            "name": language.name,
            "voice": best[language.code].id,
            "neural": best[language.code].neural,
            "engine": get_engine(best[language.code].engine).title,
        }
        for language in known()
        if language.code in best
    ]
