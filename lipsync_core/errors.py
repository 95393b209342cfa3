"""The exceptions whose message is written for the person at the keyboard."""

from collections.abc import Iterable


class LipsyncError(Exception):
    """Input or set-up that cannot be used.

    The message is one sentence that names the input, says what is wrong with it and what to do.
    Callers show it as it is; anything else that is raised is a defect of the program.
    """


class NotReady(LipsyncError):
    """A model or a voice lacks a file.

    checkpoints: entries of the manifest that bring what is missing, which `lipsync_core.checkpoints.fetch` gets; empty
    where something else is to be done, as the sentence says.
    """

    def __init__(self, sentence: str, checkpoints: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.checkpoints = tuple(checkpoints)
