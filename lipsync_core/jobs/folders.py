"""Sentences for those who use the page or the API: where the files of this server lie is not for them to know."""

import logging
import re
import sys
import tempfile
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

from lipsync_core.installation import ROOT
from lipsync_core.settings import Settings, settings

log = logging.getLogger(__name__)


def without_folders(sentence: str) -> str:
    """The sentence with the places of this server's files by their last names alone, such as "checkpoints/kokoro".

    Where that changes it, the whole one is logged, once.
    """
    set_up = [getattr(settings(), knob.name) for knob in fields(Settings)]
    given = [one for one in set_up if isinstance(one, Path)]
    names, absolute = _names((*given, ROOT, Path(sys.prefix), Path(tempfile.gettempdir())), Path.home())
    told = absolute.sub(lambda found: names[found[1]], sentence)
    if told != sentence:
        _keep(sentence)
    return told


@lru_cache(maxsize=1)
def _names(places: tuple[Path, ...], home: Path) -> tuple[dict[str, str], re.Pattern[str]]:
    """What each place is called, and where one stands in a sentence."""
    names = {str(form): place.name for place in places for form in (place, place.resolve()) if place.name}
    names.setdefault(str(home), "~")
    longest = sorted(names, key=len, reverse=True)
    return names, re.compile(rf"(?<![\w/.~-])({'|'.join(map(re.escape, longest))})(?![\w-])")


@lru_cache(maxsize=1024)
def _keep(sentence: str) -> None:
    log.warning("A client was told this without its folders: %s", sentence)
