"""What stands below a voice or model whose file is missing: how to get it."""

from lipsync_core.speech import voices

from .menus import models
from .words import Words


def missing(model: str, voice: str, words: Words) -> str:
    """One sentence for each file that the choice lacks; empty where nothing is missing."""
    told = [one["how_to_get"] for one in models() if one["name"] == model and not one["ready"]]
    told += [one.how_to_get for one in voices() if one.id == voice and not one.ready]
    return "  \n".join(map(words.sentence, told))
