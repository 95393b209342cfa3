"""The page with the HTTP API beside it, on one port. No logic of its own; `python app.py --help` tells the options."""

import argparse
import gc
import signal
import sys
from contextlib import suppress

from lipsync_core import LipsyncError, Studio, checkpoints
from lipsync_core.server import launch_options, make_api
from lipsync_core.settings import settings
from lipsync_core.ui import serve


def main() -> None:
    """Fetch what is missing, and serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve the page; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set where.")
    parser.add_argument("--share", action="store_true", help="make a public link too, through a tunnel of Gradio's")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: streams and files are closed
    try:
        settings()
    except LipsyncError as error:
        sys.exit(str(error))
    try:
        checkpoints.fetch_required()
    except LipsyncError as error:
        print(error, file=sys.stderr)  # the page says it again to whoever needs the file
    with suppress(KeyboardInterrupt):  # that comes before there is a server to end
        api = make_api(Studio())
        serve(api, launch_options(api), share=options.share)
    gc.freeze()  # else the interpreter looks through all of torch three times before it ends, for a second and more


if __name__ == "__main__":
    main()
