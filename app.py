"""The page with the HTTP API beside it, on one port: the command `page`, under the name that Spaces start."""

import sys

from lipsync_core.cli import main

if __name__ == "__main__":
    sys.exit(main(["page", *sys.argv[1:]]))
