"""python -m lipsync_core models"""

import argparse
import json

from lipsync_core.cli.terminal import table

HELP = "list the lip-sync models, the default one first"
EXAMPLE = "python -m lipsync_core models --json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")


def run(options: argparse.Namespace) -> int:
    """List models."""
    from lipsync_core.doctor.report import COMMERCIAL
    from lipsync_core.models import models

    listed = models()
    if options.json:
        print(json.dumps([model.as_dict() for model in listed]))
        return 0
    rows = [
        (
            model.name,
            f"{model.licence}; {COMMERCIAL[model.commercial_use]}",
            "" if model.ready else f"not ready: {model.how_to_get}",
        )
        for model in listed
    ]
    print(table(rows))
    return 0
