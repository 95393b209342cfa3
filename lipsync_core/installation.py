"""Where the files that come with the program lie, in a checkout and when installed, and which extras are there."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

from lipsync_core.errors import LipsyncError

DISTRIBUTION = "lipsync-studio"
ROOT = Path(__file__).resolve().parents[1]  # holds the package: the checkout, or the folder of installed packages
_INSTALLED = Path(__file__).resolve().with_name("_resources")  # pyproject.toml puts the files there in a wheel
IN_CHECKOUT = not _INSTALLED.is_dir()


class MissingExtra(LipsyncError, ImportError):
    """A package is missing that one of the extras in pyproject.toml brings."""


def resource(name: str) -> Path:
    """Path of a file or folder that comes with the program, by its place in the repository: "assets/icon.svg"."""
    return (ROOT if IN_CHECKOUT else _INSTALLED) / name


@cache
def extras() -> frozenset[str]:
    """Names of the extras, which pip installs; none in a checkout, where requirements.txt brings everything."""
    if IN_CHECKOUT:
        return frozenset()
    return frozenset(metadata.metadata(DISTRIBUTION).get_all("Provides-Extra", []))


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Raises MissingExtra where an import inside finds no package: `what`, such as "The page", needs the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if isinstance(error, LipsyncError) or (error.name or "").partition(".")[0] == __package__:
            raise
        raise MissingExtra(
            "{what} needs the extra {extra} ({package} is missing): pip install 'lipsync-studio[{extra}]'.",
            what=what,
            extra=name,
            package=error.name,
        ) from error
