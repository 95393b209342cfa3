"""Everything that the doctor looks at, in one dictionary that JSON can hold."""

import platform
from typing import Any

from lipsync_core.bench.process import machine
from lipsync_core.checkpoints import listing
from lipsync_core.doctor import packages
from lipsync_core.doctor.attempt import attempt
from lipsync_core.doctor.device import device, room
from lipsync_core.doctor.models import models
from lipsync_core.doctor.speed import speed as test_speed
from lipsync_core.doctor.voices import languages, voices
from lipsync_core.settings import Settings, settings


def examine(speed: bool = True) -> dict[str, Any]:
    """Look at everything; never raises. speed: also test it, and whether engines import, for six seconds.

    "problems" are sentences about what is needed and does not work; "ready" is True where there is none. What is
    merely not there, such as a voice that was left out, is in its own list, with how to get it.
    """
    problems: list[str] = []
    attempt("The settings", settings, Settings(), problems)
    found: dict[str, Any] = {
        "machine": attempt("The machine", machine, {"python": platform.python_version()}, problems),
        "packages": attempt("The list of packages", packages.versions, {}, problems),
        "device": attempt("The device", device, {}, problems),
        "room": attempt("The cache folder", room, {}, problems),
        "voices": attempt("The voices", lambda: voices(imports=speed), [], problems),
        "languages": attempt("The languages", languages, [], problems),
        "models": attempt("The models", models, [], problems),
        "checkpoints": attempt("The model files", listing, [], problems),
    }
    problems += attempt("The list of packages", packages.problems, [], problems)
    problems += [engine["fault"] for engine in found["voices"] if engine.get("fault")]
    problems += [model["how_to_get"] for model in found["models"][:1] if not model["ready"]]
    problems += [
        f"The model file {file['name']} is {file['state']}: {file['how_to_get']}."
        for file in found["checkpoints"]
        if file["required"] and file["state"] != "ready"
    ]
    if found["voices"] and not any(engine["ready"] for engine in found["voices"]):
        problems.append("No voice is ready, so only recordings can be played; see how to get one at the voices.")
    if speed and not problems:
        found["speed"] = attempt("The speed", test_speed, {}, problems)
    problems = list(dict.fromkeys(problems))
    return {"ready": not problems, "problems": problems, **found}
