"""The exceptions whose message is written for the person at the keyboard, and their sentences as data."""

import logging
import re
import string
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

log = logging.getLogger(__name__)
# The folders before a file's name, in words that are not ours; not those of an address such as https://example.org/a.
FOLDERS = re.compile(r"(?<![\w.:/\\~-])(?:[A-Za-z]:)?[/\\](?:[^\s/\\'\"]+[/\\])+(?=[^\s/\\])")


class _Gaps(string.Formatter):
    """As `str.format`; besides, `{names: or }` joins a tuple by what stands after the colon, by ", " without one, and
    `{how:inner}` makes a sentence a part of another one: it loses its capital letter and its full stop."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return super().convert_field(str(value) if isinstance(value, Path) else value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple):
            return (format_spec or ", ").join(map(str, value))
        if format_spec == "inner":
            return str(value)[:1].lower() + str(value)[1:].removesuffix(".")
        return str(super().format_field(value, format_spec))


class Message(str):
    """A sentence, or a part of one, that knows what it was made of: it can be told in another language, or with less.

    As a string it is the English sentence.

    template: English, with a named gap for each value, as `str.format` takes it, and two ways more: see `_Gaps`.
    values: by name. A Message is translated by its own template, and in a tuple each item is. A Path is a place on this
        machine, of which strangers are told the last name alone. A Reason is what a library says. All else, such as
        a name or a number, is the same in each language.
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> "Message":
        values = {name: _plain(value) for name, value in values.items()}
        self = super().__new__(cls, _Gaps().vformat(template, (), values))
        self.template, self.values = template, values
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, Any]]:  # of copies
        return (self.template,), self.values

    def changed(self, template: Callable[[str], str] = str, value: Callable[[Any], Any] = lambda one: one) -> "Message":
        """The same with other templates or values, also those of the messages in it."""

        def change(one: Any) -> Any:
            if isinstance(one, Message):
                return one.changed(template, value)
            return tuple(map(change, one)) if isinstance(one, tuple) else value(one)

        return Message(template(self.template), **{name: change(one) for name, one in self.values.items()})


class Reason(str):
    """What a library or the system says of a failure: its own words, in one line and without a full stop."""

    def __new__(cls, error: BaseException | str) -> "Reason":
        said = getattr(error, "strerror", None) or str(error)
        return super().__new__(cls, " ".join(said.split()).rstrip(".") or type(error).__name__)

    def __getnewargs__(self) -> tuple[str]:  # of copies
        return (str(self),)


class LipsyncError(Exception):
    """Input or set-up that cannot be used.

    Its sentence names the input, says what is wrong with it and what to do: `str()` gives it in English, `message` as
    data. Callers show it; anything else that is raised is a defect of the program.

    kind: what a program may act upon, the same for all errors of a class. docs/streaming.md lists them.
    """

    kind: ClassVar[str] = "unusable"

    def __init__(self, template: str, /, **values: Any) -> None:
        self.message = Message(template, **values)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:  # to and from other processes, whatever a subclass is made of
        return _again, (type(self), self.args), self.__dict__


class NotReady(LipsyncError):
    """A model or a voice lacks a file.

    checkpoints: entries of the manifest that bring what is missing, which `lipsync_core.checkpoints.fetch` gets; empty
    where something else is to be done, as the sentence says.
    """

    kind = "not-ready"

    def __init__(self, template: str, /, *, checkpoints: Iterable[str] = (), **values: Any) -> None:
        super().__init__(template, **values)
        self.checkpoints = tuple(checkpoints)


class LimitExceeded(LipsyncError):
    """Input that could be used, were there less of it; most of these limits are settings."""

    kind = "too-large"


def redacted(text: str) -> str:
    """A message as strangers may read it, without the folders of this machine; what is no Message stays as it is.

    Where that changes it, the whole one is logged, once.
    """
    if not isinstance(text, Message):
        return text
    told = text.changed(value=_without_folders)
    if told != text:
        _keep(str(text))
    return told


def _without_folders(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name or str(value)
    return Reason(FOLDERS.sub("", value)) if isinstance(value, Reason) else value


@lru_cache(maxsize=1024)
def _keep(sentence: str) -> None:
    log.warning("A client was told this without its folders: %s", sentence)


def _plain(value: Any) -> Any:
    if isinstance(value, LipsyncError):
        return value.message
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _again(kind: type[LipsyncError], given: tuple[Any, ...]) -> LipsyncError:
    return kind.__new__(kind, *given)
