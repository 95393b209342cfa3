"""python -m lipsync_core voices"""

import argparse
import json

from lipsync_core.errors import LipsyncError

from .table import table

HELP = "list the voices, the best of each language first"
EXAMPLE = "python -m lipsync_core voices --language ru"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--language", metavar="L", help="only those of a language: a code such as pt-BR, or its name")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """List voices."""
    from lipsync_core.speech import voices

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
