"""What the page says, in the visitor's language: one file a language in the folder beside this one.

The page's own words have names there; what the core says is found by its English template, in the table `sentences`.
"""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from lipsync_core.errors import Message, Reason

FOLDER = Path(__file__).with_name("locales")
DEFAULT = "en"
PREFIX = "studio_"
SENTENCES = "sentences"  # a table in such a file
# By whether a licence allows commercial use, None where it is open.
COMMERCIAL = {True: "commercial_yes", False: "commercial_no", None: "commercial_unknown"}


@lru_cache(maxsize=1)
def translations() -> dict[str, dict[str, str]]:
    """All words by language code; what a translation lacks is there in English."""
    tables = {code: {key: word for key, word in table.items() if key != SENTENCES} for code, table in _files().items()}
    return {code: {**tables[DEFAULT], **table} for code, table in tables.items()}


@lru_cache(maxsize=1)
def sentences() -> dict[str, dict[str, str]]:
    """By language code: what the core says by its English template. English itself needs none."""
    return {code: table.get(SENTENCES, {}) for code, table in _files().items()}


def _files() -> dict[str, dict[str, Any]]:
    return {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.toml"))}


def i18n() -> gr.I18n:
    """The same for Gradio, which chooses in the browser; under names that Gradio's own words do not have."""
    tables = translations().items()
    return gr.I18n(**{code: {PREFIX + key: word for key, word in table.items()} for code, table in tables})


def say(key: str) -> I18nData:
    """A word that the browser puts in."""
    return I18nData(PREFIX + key)


def language_of(request: gr.Request | None) -> str:
    """The language that the visitor's browser asks for first, as far as the page speaks it."""
    header = request.headers.get("accept-language", "") if request is not None and request.headers else ""
    first = header.split(",")[0].split(";")[0].strip().lower()
    for code in (first, first.split("-")[0]):
        if code in translations():
            return code
    return DEFAULT


class Words:
    """Look-up of one language."""

    def __init__(self, language: str = DEFAULT) -> None:
        self.language = language
        self._table, self._sentences = translations()[language], sentences()[language]

    @classmethod
    def of(cls, request: gr.Request | None) -> "Words":
        """The words for whoever sends a request."""
        return cls(language_of(request))

    def __call__(self, key: str, **values: Any) -> str:
        return self._table[key].format(**values) if values else self._table[key]

    def sentence(self, text: str) -> str:
        """What the core says, such as an error's message, in this language; what is not known stays English."""

        def known(text: str) -> str:
            return self._sentences.get(text, text)

        if not isinstance(text, Message):
            return known(text)
        # What a system says of a failure is known too; names and numbers stay as they are.
        return str(text.changed(known, lambda one: Reason(known(one)) if isinstance(one, Reason) else one))
