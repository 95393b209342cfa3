"""What can go wrong on the way to a file."""

from typing import Any

from lipsync_core.errors import LipsyncError


class Cancelled(LipsyncError):
    """Whoever asked for a file does not want it any more."""

    kind = "cancelled"

    def __init__(self, name: str) -> None:
        super().__init__(
            "Fetching {name} was stopped; what has come so far is used when it is fetched again.", name=name
        )


class NotAccepted(LipsyncError):
    """A licence that forbids commercial use has to be accepted first; `name` is the checkpoint's."""

    kind = "licence-not-accepted"

    def __init__(self, name: str, licence: str) -> None:
        super().__init__(
            "{name} may not be used commercially ({licence}); if you agree to that, run "
            "`python -m lipsync_core fetch {name} --accept-licence {name}`.",
            name=name,
            licence=licence,
        )
        self.name = name


class SourceFailed(LipsyncError):
    """One source did not give a file; the next one may. The text is a part of a sentence.

    again: whether the same source may do better in a moment.
    """

    kind = "download-failed"

    def __init__(self, template: str, /, *, again: bool = False, **values: Any) -> None:
        super().__init__(template, **values)
        self.again = again
