"""What the doctor found, for people."""

from typing import Any

MOST_LINES = 3  # of an engine's licences, and of what to do for its voices

# Whether a licence allows commercial use.
COMMERCIAL = {True: "commercial use allowed", False: "no commercial use", None: "commercial use: see its sources"}


def report(found: dict[str, Any]) -> str:
    """What `examine` returned, as text."""
    machine = {name: value for name, value in found["machine"].items() if value is not None}
    missing = [name for name, version in found["packages"].items() if version is None]
    lines = [
        *_section("Machine", [f"{name}: {value}" for name, value in machine.items()]),
        *_section("Packages", [f"{name} {version or 'missing'}" for name, version in found["packages"].items()]),
        *_section("Device", [*_pairs(found["device"]), *_pairs(found["room"])]),
        *_section("Voices", [line for engine in found["voices"] for line in _engine(engine)]),
        *_section("Languages", _languages(found["languages"])),
        *_section("Models", [_entry(model, "ready" if model["ready"] else "not ready") for model in found["models"]]),
        *_section("Model files", [_file(file) for file in found["checkpoints"]]),
        *_section("Speed", _speed(found.get("speed"))),
    ]
    if missing:
        lines.append(f"Left out or missing: {', '.join(missing)}.")
    return "\n".join([*lines, *_verdict(found["problems"])])


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines or ["nothing was found out"]), ""]


def _pairs(values: dict[str, Any]) -> list[str]:
    names = {"set": "setting", "cuda": "CUDA of torch", "gpus": "GPUs", "free_gib": "free, in GiB"}
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in values.items()}
    return [f"{names.get(name, name)}: {value or 'none'}" for name, value in shown.items()]


def _engine(engine: dict[str, Any]) -> list[str]:
    kind = "neural" if engine["neural"] else "robotic"
    return [
        f"{engine['engine']} ({kind}): {engine['ready']} of {engine['voices']} ready",
        *_pace(engine.get("pace")),
        *_few([f"  {entry['licence']}; {COMMERCIAL[entry['commercial_use']]}" for entry in engine["licences"]]),
        *_few([f"  to get: {sentence}" for sentence in engine["how_to_get"]]),
    ]


def _few(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    if more <= 0:
        return lines
    return [*lines[:MOST_LINES], f"  and {more} more; `python -m lipsync_core voices --json` tells of each voice"]


def _pace(pace: dict[str, Any] | None) -> list[str]:
    if not pace:
        return []
    verdict = "keeps ahead of playback" if pace["keeps_ahead"] else "too slow here to be a default"
    factor = f"a second of speech takes {pace['factor']:.2f} s"
    return [f"  first sound after {pace['first_seconds']:.2f} s, {factor}: {verdict}"]


def _languages(languages: list[dict[str, Any]]) -> list[str]:
    neural = [f"{entry['name']} by {entry['voice']}" for entry in languages if entry["neural"]]
    robotic: dict[str, list[str]] = {}
    for entry in languages:
        if not entry["neural"]:
            robotic.setdefault(entry["engine"], []).append(entry["code"])
    by_robots = [f"by {engine}: {' '.join(codes)}" for engine, codes in robotic.items()]
    return [f"{len(languages)} in all", *neural, *by_robots] if languages else []


def _entry(entry: dict[str, Any], state: str) -> str:
    known = [state, entry.get("about")]
    known += [entry["licence"], COMMERCIAL[entry["commercial_use"]]] if entry["licence"] else []
    known += [f"to get: {entry['how_to_get']}"] if entry["how_to_get"] else []
    return f"{entry['name']}: {'; '.join(part for part in known if part)}"


def _file(file: dict[str, Any]) -> str:
    """As `_entry`, but for files that nobody needs to have: what gets one is a word long."""
    if file["required"] or file["state"] == "wrong":
        return _entry(file, file["state"])
    size = f"{file['download_bytes'] / 1e6:.0f} MB"
    agree = "; its licence is asked about" if file["must_accept"] else ""
    get = "" if file["state"] == "ready" else f"python -m lipsync_core fetch {file['name']} ({size}{agree})"
    return _entry({**file, "how_to_get": get}, file["state"])


def _speed(speed: dict[str, float] | None) -> list[str]:
    if not speed:
        return ["not tested"]
    return [
        f"{speed['frames_per_second']:.0f} frames a second at {speed['size']:.0f}x{speed['size']:.0f}",
        f"an MP4 is made {speed['realtime_factor']:.1f} times as fast as it plays",
    ]


def _verdict(problems: list[str]) -> list[str]:
    if not problems:
        return ["All that is needed works."]
    return ["To be mended:", *(f"- {problem}" for problem in problems)]
