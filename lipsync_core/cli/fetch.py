"""python -m lipsync_core fetch"""

import argparse
import json
import sys
from functools import partial
from typing import Any

from lipsync_core import checkpoints
from lipsync_core.cli.terminal import ProgressBar, table

HELP = "get model files and voices that are not there yet, or list them all"
EXAMPLE = "python -m lipsync_core fetch piper/ru_RU-irina-medium"
YES = {"y", "yes"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; where none is named, all are listed")
    parser.add_argument("--list", action="store_true", help="say what there is, its size and licence; fetch nothing")
    parser.add_argument(
        "--accept-licence",
        metavar="NAME",
        action="append",
        default=[],
        help="agree to the licence of NAME, which forbids commercial use; without this, a terminal is asked once",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """Get the named model files, or list all."""
    for name in [] if options.list else options.accept_licence:
        checkpoints.accept(name)
    if options.list or not options.names:
        _list(options.names, options.json)
        return 0
    got = []
    for name in options.names:
        _ask(name)
        with ProgressBar(name, "MB") as bar:
            place = checkpoints.fetch(name, partial(_show, bar))
        got.append({"name": name, "path": str(place), "bytes": checkpoints.manifest()[name].bytes})
    if options.json:
        print(json.dumps(got))
    else:
        for one in got:
            print(f"{one['name']}: {one['path']}")
    return 0


def _list(names: list[str], as_json: bool) -> None:
    for name in names:
        checkpoints.is_there(name)  # tells whether there is one of that name
    listed = [one for one in checkpoints.listing() if not names or one["name"] in names]
    print(json.dumps(listed) if as_json else table([_row(one) for one in listed]))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    from lipsync_core.doctor.report import COMMERCIAL

    asked = " (asked before fetching)" if one["must_accept"] else ""
    size = f"{one['bytes'] / 1e6:.1f} MB" if one["bytes"] else ""
    return (
        one["name"],
        one["state"],
        size,
        one["about"],
        f"{one['licence']}; {COMMERCIAL[one['commercial_use']]}{asked}",
    )


def _ask(name: str) -> None:
    """Ask whoever sits at the terminal about a licence that forbids commercial use, once."""
    if checkpoints.accepted(name) or checkpoints.is_there(name) or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    entry = checkpoints.manifest()[name]
    print(f"{name}: {entry.about}.\nIts licence forbids commercial use: {entry.licence}.", file=sys.stderr)
    print("Do you agree to that? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in YES:
        checkpoints.accept(name)


def _show(bar: ProgressBar, name: str, done: int, total: int) -> None:
    bar.show(done / total if total else None, done / 1e6)
