"""A broken installation is what the doctor is for: no part of it may end the examination."""

from collections.abc import Callable
from typing import Any

from lipsync_core.errors import LipsyncError
from lipsync_core.installation import DISTRIBUTION, IN_CHECKOUT

INSTALL_ANEW = (
    "delete the folder .venv and run ./run.sh, which installs everything anew"
    if IN_CHECKOUT
    else f"install it anew with pip install --force-reinstall {DISTRIBUTION}"
)


def reason(error: Exception) -> str:
    """What an unexpected exception says, in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def attempt(what: str, look: Callable[[], Any], otherwise: Any, problems: list[str]) -> Any:
    """What `look` returns; where it raises, `otherwise`, and a sentence more among the problems."""
    try:
        return look()
    except LipsyncError as error:
        problem = str(error)
    except Exception as error:  # a damaged package raises anything
        problem = f"{what} cannot be examined ({reason(error)}); {INSTALL_ANEW}."
    if problem not in problems:
        problems.append(problem)
    return otherwise
