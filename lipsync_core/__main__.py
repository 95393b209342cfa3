"""python -m lipsync_core: the command line."""

import sys

from lipsync_core.cli import main

sys.exit(main())
