"""The command line: thin functions over what the package exports."""

import argparse
import sys

from lipsync_core import checkpoints
from lipsync_core.errors import LipsyncError


def fetch(names: list[str]) -> None:
    """Get the named model files, or all that the program cannot do without."""

    def show(name: str, done: int, total: int) -> None:
        print(f"\r{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB", end="", file=sys.stderr)

    if names:
        for name in names:
            checkpoints.fetch(name, show)
    else:
        checkpoints.fetch_required(show)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status; a LipsyncError is printed as its one sentence."""
    parser = argparse.ArgumentParser(prog="python -m lipsync_core", description="Lipsync Studio")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("fetch", help="get model files")
    command.add_argument("names", nargs="*", help="which; all required ones where none is named")
    options = parser.parse_args(arguments)
    try:
        fetch(options.names)
    except LipsyncError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
