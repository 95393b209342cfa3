"""python -m lipsync_core page"""

import argparse
import gc
import signal
from contextlib import suppress

HELP = "serve the page, with the HTTP API beside it on one port"
EXAMPLE = "python -m lipsync_core page --share"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = f"{HELP[0].upper()}{HELP[1:]}; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set where."
    parser.add_argument("--share", action="store_true", help="make a public link too, through a tunnel of Gradio's")


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    import lipsync_core.ui  # first, so that its extra is named, which brings that of the server
    from lipsync_core import Studio
    from lipsync_core.server import launch_options, make_api
    from lipsync_core.settings import settings

    settings()  # a mistyped one is told at once
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: streams and files are closed
    with suppress(KeyboardInterrupt):  # that comes before there is a server to end
        api = make_api(Studio())
        lipsync_core.ui.serve(api, launch_options(api), share=options.share)
    gc.freeze()  # else the interpreter looks through all of torch three times before it ends, for a second and more
    return 0
