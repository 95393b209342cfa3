"""python -m lipsync_core render"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from lipsync_core.cli.progress import ProgressBar
from lipsync_core.cli.recording_length import seconds_of
from lipsync_core.cli.target import check_not_source, free_name
from lipsync_core.cli.text_file import STANDARD_INPUT, read_text
from lipsync_core.cli.voices import fetched

HELP = "let a face speak a text or a recording, into an MP4 file"
EXAMPLE = 'python -m lipsync_core render --text "Hello, world." --avatar mei -o hello.mp4'


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", metavar="T", help="what to say")
    source.add_argument("--text-file", metavar="FILE", help="what to say, as UTF-8 text; - is standard input")
    source.add_argument("--audio", metavar="FILE", help="a recording to play instead of a text")
    parser.add_argument(
        "--language", metavar="L", help="code or name, such as pt-BR or Russian; default by the letters"
    )
    parser.add_argument("--voice", metavar="V", help="see the command voices; default the best one of the language")
    parser.add_argument("--speed", metavar="S", type=float, help="of the speech, 0.5 to 2; default 1")
    parser.add_argument("--avatar", metavar="FACE", help="photo, video or name of a default avatar; default the first")
    parser.add_argument(
        "--face", metavar="WHICH", type=_face, help="0 for the largest, 1, ... or a point such as 320,240"
    )
    parser.add_argument("--model", metavar="M", default="rig", help="see the command models; default %(default)s")
    parser.add_argument(
        "--size", metavar="N", type=int, help="shorter side in pixels; default the source's, at most 720"
    )
    parser.add_argument("--fps", metavar="F", type=float, help="frames a second; default the clip's own, or 25")
    parser.add_argument("--batch-size", metavar="N", type=int, help="frames drawn at once; default as many as fit")
    parser.add_argument("--low-latency", action="store_true", help="begin with small batches: an earlier first frame")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="of blinks and sway; default %(default)s")
    parser.add_argument("--no-idle", action="store_true", help="a photo does not blink, sway or breathe")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout: the figures of the run")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT.mp4",
        type=Path,
        help="an older file of that name is replaced; default a new name made of the text or the recording's name",
    )
    parser.set_defaults(parser=parser)


def run(options: argparse.Namespace) -> int:
    """Render, and tell what came of it."""
    if options.audio and (options.voice or options.language or options.speed):
        options.parser.error("--voice, --language and --speed are of a text; a recording sounds as it is")
    text = read_text(options.text_file) if options.text_file else options.text
    named = options.text_file if options.text_file != STANDARD_INPUT else None
    target = options.output or free_name(Path(options.audio or named or "").stem or text)
    check_not_source(target, [named, options.audio, options.avatar])
    figures = _render(options, text, target)
    if options.json:
        print(json.dumps(figures))
    else:
        print(_sentence(figures))
    return 0


def _render(options: argparse.Namespace, text: str | None, target: Path) -> dict[str, Any]:
    from lipsync_core import Studio
    from lipsync_core.sinks.mp4 import Mp4Writer

    voice = fetched(options.voice).id if options.voice else None  # which takes minutes where it is not there yet
    start = time.perf_counter()
    studio = Studio()
    with ProgressBar("face") as bar:
        avatar = studio.avatar(options.avatar, face=options.face, size=options.size, progress=bar.show)
    for note in avatar.notes:
        print(note, file=sys.stderr)
    take = studio.take(
        text,
        audio=options.audio,
        avatar=avatar,
        voice=voice,
        language=options.language,
        speed=options.speed or 1.0,
        model=options.model,
        fps=options.fps,
        low_latency=options.low_latency,
        batch_size=options.batch_size,
        seed=options.seed,
        idle=not options.no_idle,
    )
    length = seconds_of(options.audio) if options.audio else None
    first = 0.0
    with take, ProgressBar(target.name, "frames") as bar:
        writer = Mp4Writer(target, take.size, take.fps, take.sample_rate)
        try:
            with writer:
                for frame in take:
                    first = first or time.perf_counter() - start
                    writer.write(frame)
                    bar.show(min(1.0, frame.time / length) if length else take.progress, writer.frames)
        except BaseException:
            if writer.path:
                print(f"Stopped early: {writer.path} holds the first {writer.frames} frames.", file=sys.stderr)
            raise
    elapsed = time.perf_counter() - start
    seconds = float(writer.frames / take.fps)
    return {
        "frames": writer.frames,
        "seconds": round(seconds, 3),
        "fps": round(float(take.fps), 3),
        "width": take.size[1],
        "height": take.size[0],
        "elapsed_seconds": round(elapsed, 3),
        "first_frame_ms": round(first * 1000, 1),
        "frames_per_second": round(writer.frames / elapsed, 1),
        "realtime_factor": round(seconds / elapsed, 3),
        "missed_faces": take.missed_faces,
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


def _face(text: str) -> int | tuple[float, float]:
    """0 or 320,240 or 0.5,0.4; whole numbers stay whole, because they are pixels."""
    numbers = [float(part) if "." in part else int(part) for part in text.split(",")]
    if len(numbers) == 1 and isinstance(numbers[0], int):
        return numbers[0]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    raise ValueError


_face.__name__ = "face"  # argparse names the kind of a wrong value after the function
