"""python -m lipsync_core bench"""

import argparse
import json
import sys

HELP = "measure the speed and the memory of this program on this machine"
EXAMPLE = "python -m lipsync_core bench --quick"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--quick", action="store_true", help="shorter runs, and no render of ten minutes for its memory"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """Measure, and print a table or JSON."""
    from lipsync_core.bench.figures import measure, report

    figures = measure(quick=options.quick, tell=lambda what: print(f"{what} ...", file=sys.stderr))
    print(json.dumps(figures) if options.json else report(figures))
    return 0
