"""python -m lipsync_core fetch"""

import argparse
from functools import partial

from lipsync_core import checkpoints

from .progress import ProgressBar

HELP = "get model files that are not there yet"
EXAMPLE = "python -m lipsync_core fetch face_landmark"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all required ones where none is named")


def run(options: argparse.Namespace) -> int:
    """Get the named model files, or all that the program cannot do without."""
    names = options.names or [name for name, entry in checkpoints.manifest().items() if entry.required]
    for name in names:
        with ProgressBar(name, "MB") as bar:
            checkpoints.fetch(name, partial(_show, bar))
    return 0


def _show(bar: ProgressBar, name: str, done: int, total: int) -> None:
    bar.show(done / total, done / 1e6)
