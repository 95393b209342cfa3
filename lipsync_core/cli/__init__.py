"""The command line: thin functions over what the package exports, one file a command."""

from .main import main

__all__ = ["main"]
