"""The command line: thin functions over what the package exports, one file a command."""

from lipsync_core.cli.main import main

__all__ = ["main"]
