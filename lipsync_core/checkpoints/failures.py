"""What can go wrong on the way to a file."""

from ..errors import LipsyncError


class Cancelled(LipsyncError):
    """Whoever asked for a file does not want it any more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Fetching {name} was stopped; what has come so far is used when it is fetched again.")


class NotAccepted(LipsyncError):
    """A licence that forbids commercial use has to be accepted first; `name` is the checkpoint's."""

    def __init__(self, name: str, licence: str) -> None:
        super().__init__(
            f"{name} may not be used commercially ({licence}); if you agree to that, run "
            f"`python -m lipsync_core fetch {name} --accept-licence {name}`."
        )
        self.name = name


class SourceFailed(LipsyncError):
    """One source did not give a file; the next one may. The text is a part of a sentence.

    again: whether the same source may do better in a moment.
    """

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again
