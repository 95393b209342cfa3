"""Which commands there are, and how a run of one ends."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from lipsync_core.cli import bench, doctor, fetch, models, page, render, serve, voices
from lipsync_core.errors import LipsyncError
from lipsync_core.installation import DISTRIBUTION

MODULE = "python -m lipsync_core"
COMMANDS = (render, page, serve, voices, models, fetch, doctor, bench)
INTERRUPTED = 128 + signal.SIGINT


class Ended(BaseException):
    """The process was told to end; raised so that files are completed and threads stopped on the way out."""

    def __init__(self, number: int) -> None:
        self.status = 128 + number


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status; a LipsyncError is printed as its one sentence."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(given[0] if given else None).parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a letter gets its number, not a traceback
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _end)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except LipsyncError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except Ended as end:
        return end.status
    except BrokenPipeError:  # the reader of stdout, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


def name_of_program() -> str:
    """How the command line was started: by the script that an installation makes, or as a module."""
    return DISTRIBUTION if Path(sys.argv[0]).stem == DISTRIBUTION else MODULE


def parser(named: str | None = None) -> argparse.ArgumentParser:
    """All commands with their options; `run` of what it parses does the work.

    named: the command that is called, if it is known; the options of others are left out then, as to know them all
    means to import most of the program, which `doctor` must do without.
    """
    program = argparse.ArgumentParser(
        prog=name_of_program(),
        description="Lipsync Studio: a face speaks a text or a recording.",
        epilog="COMMAND --help explains a command and gives an example.",
    )
    commands = program.add_subparsers(metavar="COMMAND", required=True)
    names = {module.__name__.rpartition(".")[2] for module in COMMANDS}
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=f"{module.HELP[0].upper()}{module.HELP[1:]}.",
            epilog=f"example:\n  {module.EXAMPLE.replace(MODULE, program.prog, 1)}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if named in (name, None) or named not in names:
            module.add_options(command)
        command.set_defaults(run=module.run)
    return program
