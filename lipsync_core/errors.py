"""The exceptions whose message is written for the person at the keyboard."""

from collections.abc import Iterable
from typing import Any, ClassVar


class Message:
    """A sentence as data, so that whoever shows it may translate its template and leave out what is private.

    template: English, with a named gap for each value, as `str.format` takes it: "{file} is empty; save it again.".
    values: by name. A value may be a Message too, or a LipsyncError; one that is a Path is a place on this machine.
    """

    def __init__(self, template: str, /, **values: Any) -> None:
        self.template, self.values = template, values

    def __str__(self) -> str:
        return self.template.format(**self.values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class LipsyncError(Exception):
    """Input or set-up that cannot be used.

    Its sentence names the input, says what is wrong with it and what to do: `str()` gives it in English, `message` as
    data. Callers show it; anything else that is raised is a defect of the program.

    kind: what a program may act upon, the same for all errors of a class.
    """

    kind: ClassVar[str] = "unusable"

    def __init__(self, template: str, /, **values: Any) -> None:
        super().__init__(template)
        self.message = Message(template, **values)

    def __str__(self) -> str:
        return str(self.message)


class NotReady(LipsyncError):
    """A model or a voice lacks a file.

    checkpoints: entries of the manifest that bring what is missing, which `lipsync_core.checkpoints.fetch` gets; empty
    where something else is to be done, as the sentence says.
    """

    kind = "not-ready"

    def __init__(self, template: str, /, *, checkpoints: Iterable[str] = (), **values: Any) -> None:
        super().__init__(template, **values)
        self.checkpoints = tuple(checkpoints)
