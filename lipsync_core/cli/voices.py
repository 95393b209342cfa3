"""python -m lipsync_core voices"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_core.cli.terminal import ProgressBar, table
from lipsync_core.errors import LipsyncError

if TYPE_CHECKING:
    from lipsync_core.speech import Voice

HELP = "list the voices, the best of each language first"
EXAMPLE = "python -m lipsync_core voices --language ru"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--language", metavar="L", help="only those of a language: a code such as pt-BR, or its name")
    parser.add_argument("--get", metavar="VOICE", help="get what a voice of this list lacks, by its id")
    parser.add_argument("--clone", metavar="RECORDING", help="a voice to be imitated; with --name and --consent")
    parser.add_argument("--name", metavar="N", help="of the cloned voice")
    parser.add_argument("--who", metavar="W", default="", help="who agreed, for the note beside the recording")
    parser.add_argument("--replace", action="store_true", help="a voice of that name, with the note of its consent")
    parser.add_argument("--consent", action="store_true", help="the person whose voice it is has agreed")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """List voices."""
    from lipsync_core.speech import clone_voice, voices
    from lipsync_core.speech.engines.registry import all_engines

    if options.clone is not None:
        cloned = clone_voice(Path(options.clone), options.name or "", options.consent, options.who, options.replace)
        ids = [f"{one.name}:{one.imitation}" for one in all_engines() if one.imitation]
        names = " or ".join(known.format(language="LANGUAGE", name=cloned.name) for known in ids)
        print(f"Kept as {cloned.path}; speak with it by --voice {names}.")
        return 0
    if options.get is not None:
        print(f"{fetched(options.get).id} is ready.")
        return 0
    listed = voices(options.language)
    if options.json:
        print(json.dumps([voice.as_dict() for voice in listed]))
        return 0
    if not listed:
        raise LipsyncError("There is no voice; run `python -m lipsync_core doctor`, which says how to get one.")
    rows = [
        (
            voice.id,
            voice.language_name,
            voice.native_language_name,
            "neural" if voice.neural else "robotic",
            "" if voice.ready else f"not ready: {voice.how_to_get}",
        )
        for voice in listed
    ]
    print(table(rows))
    return 0


def fetched(name: str) -> "Voice":
    """The voice that is meant, after what it lacks has been fetched, with a progress bar."""
    from lipsync_core.speech import get_voice

    with ProgressBar(name, "MB") as bar:
        return get_voice(name, partial(_show, bar))


def _show(bar: ProgressBar, name: str, done: int, total: int) -> None:
    bar.show(done / total if total else None, done / 1e6)
