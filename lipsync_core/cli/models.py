"""python -m lipsync_core models"""

import argparse
import json

from .table import table

HELP = "list the lip-sync models, the default one first"
EXAMPLE = "python -m lipsync_core models --json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """List models."""
    from lipsync_core.doctor.models import models
    from lipsync_core.doctor.report import COMMERCIAL

    listed = models()
    if options.json:
        print(json.dumps(listed))
        return 0
    rows = [
        (
            model["name"],
            "ready" if model["ready"] else "not ready",
            f"{model['licence']}; {COMMERCIAL[model['commercial_use']]}" if model["ready"] else model["how_to_get"],
        )
        for model in listed
    ]
    print(table(rows))
    return 0
