"""python -m lipsync_core render"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lipsync_core.cli.files import STANDARD_INPUT, check_not_source, free_name, read_text
from lipsync_core.cli.terminal import ProgressBar
from lipsync_core.cli.voices import fetched
from lipsync_core.errors import LipsyncError

if TYPE_CHECKING:
    from lipsync_core.core.options import Option, TakeOptions

HELP = "let a face speak a text or a recording, into an MP4 file"
EXAMPLE = 'python -m lipsync_core render --text "Hello, world." --avatar mei -o hello.mp4'
SOURCES = ("text", "audio")  # options of which a take has one


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options: all those of a take, and its own."""
    from lipsync_core.core.options import options  # with which comes most of the program

    source = parser.add_mutually_exclusive_group(required=True)
    for name in SOURCES:
        _add(source, options()[name])
    source.add_argument("--text-file", metavar="FILE", help="what to say, as UTF-8 text; - is standard input")
    for option in options().values():
        if option.name not in SOURCES:
            _add(parser, option)
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout: the figures of the run")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT.mp4",
        type=Path,
        help="an older file of that name is replaced; default a new name made of the text or the recording's name",
    )
    parser.set_defaults(parser=parser)


def _add(parser: Any, option: "Option") -> None:
    """Declare one option of a take; what is not given does not appear among what was parsed."""
    kinds = get_args(option.kind) or (option.kind,)
    number = next((kind for kind in (int, float) if kind in kinds), str)
    how: dict[str, Any] = {"metavar": option.words, "type": option.parse or number}
    if bool in kinds:
        how = {"action": argparse.BooleanOptionalAction}
    parser.add_argument(flag(option.name), dest=option.name, default=argparse.SUPPRESS, help=_help(option), **how)


def flag(name: str) -> str:
    """How an option of a take is written on the command line."""
    return f"--{name.replace('_', '-')}"


def _help(option: "Option") -> str:
    text = option.about[0].lower() + option.about[1:].rstrip(".")
    if isinstance(option.default, int | float) and not isinstance(option.default, bool):
        text += f"; default {option.default:g}"
    if option.limits:
        text += f" ({option.limits})"
    return text.replace("%", "%%")


def run(given: argparse.Namespace) -> int:
    """Render, and tell what came of it."""
    from lipsync_core.core.options import TakeOptions, options  # with which comes most of the program

    values = {name: getattr(given, name) for name in options() if hasattr(given, name)}
    if given.text_file:
        values["text"] = read_text(given.text_file)
    take_options = TakeOptions(**values)
    try:
        take_options.check_source()
    except LipsyncError as error:
        given.parser.error(str(error))
    named = given.text_file if given.text_file != STANDARD_INPUT else None
    audio, avatar = values.get("audio"), values.get("avatar")
    target = given.output or free_name(Path(audio or named or "").stem or values["text"])
    check_not_source(target, [named, audio, avatar])
    figures = _render(take_options, target)
    if given.json:
        print(json.dumps(figures))
    else:
        print(_sentence(figures))
    return 0


def _render(take_options: "TakeOptions", target: Path) -> dict[str, Any]:
    from lipsync_core import Studio
    from lipsync_core.jobs.render import RenderJob

    if take_options.voice:  # which takes minutes where it is not there yet
        take_options = replace(take_options, voice=fetched(take_options.voice).id)
    with RenderJob(Studio(), take_options, target) as job:
        with ProgressBar("face") as bar:
            take = job.prepare(bar.show)
        for note in take.avatar.notes:
            print(note, file=sys.stderr)
        try:
            with ProgressBar(target.name, "frames") as bar:
                job.run(lambda frame: bar.show(job.progress.part, frame.index + 1))
        except BaseException:
            if job.path:
                print(f"Stopped early: {job.path} holds the first {job.progress.frames} frames.", file=sys.stderr)
            raise
    progress, elapsed = job.progress, job.progress.times["whole"]
    return {
        "frames": progress.frames,
        "seconds": round(progress.seconds, 3),
        "fps": round(float(take.fps), 3),
        "width": take.size[1],
        "height": take.size[0],
        "elapsed_seconds": round(elapsed, 3),
        "first_frame_ms": round((progress.first_frame_seconds or 0.0) * 1000, 1),
        "frames_per_second": round(progress.frames / elapsed, 1),
        "realtime_factor": round(progress.seconds / elapsed, 3),
        "missed_faces": progress.missed_faces,
        "voice": take.voice,
        "model": take.model,
        "path": str(target),
    }


def _sentence(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['path']}: {figures['seconds']:.1f} s, {figures['width']}x{figures['height']}, "
        f"{figures['frames']} frames in {figures['elapsed_seconds']:.1f} s "
        f"({figures['realtime_factor']:.1f} times as fast as it plays)."
    ]
    if figures["missed_faces"]:
        lines.append(f"{figures['missed_faces']} frames show no face and were left as they are.")
    return "\n".join(lines)
