"""python -m lipsync_core doctor"""

import argparse
import json

HELP = "say what works on this machine, what does not and how to mend it, and how fast it is"
EXAMPLE = "python -m lipsync_core doctor"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--no-speed", action="store_true", help="leave out the tests of speed and of what engines import"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """Examine the installation; status 1 where something that is needed does not work."""
    from lipsync_core.doctor import examine, report

    findings = examine(speed=not options.no_speed)
    print(json.dumps(findings) if options.json else report(findings))
    return 1 if findings["problems"] else 0
