"""What is told of a voice or model whose file is missing: how to get it."""

from typing import Any

from lipsync_core.errors import redacted
from lipsync_core.jobs.downloads import may_download
from lipsync_core.models import models
from lipsync_core.speech import voices
from lipsync_core.ui.downloads import needed_by
from lipsync_core.ui.i18n import Words


def missing(model: str, voice: str, words: Words) -> str:
    """One sentence for each file that the choice lacks; empty where nothing is missing."""
    told = [one.how_to_get for one in models() if one.name == model and not one.ready]
    told += [one.how_to_get for one in voices() if one.id == voice and not one.ready]
    return "  \n".join(words.sentence(redacted(one)) for one in told)


def lack(model: str, voice: str, request: Any, words: Words) -> str:
    """What stands on the shelf of downloads; whoever may download is told which button does it."""
    needed = needed_by(model, voice)
    if not needed or not may_download(request):
        return missing(model, voice, words)
    either = [one.checkpoints for one in models() if one.name == model and one.lacking and len(one.checkpoints) > 1]
    return " ".join(
        [words("needs_download"), *(words("either", names=", ".join(names), first=names[0]) for names in either)]
    )
