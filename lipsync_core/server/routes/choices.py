"""What can be chosen: languages, voices, models."""

from typing import Any

from fastapi import APIRouter

from lipsync_core.errors import redacted
from lipsync_core.models import models as all_models
from lipsync_core.speech import languages as all_languages
from lipsync_core.speech import voices as all_voices

router = APIRouter(tags=["choices"])


@router.get("/api/languages")
def languages() -> list[dict[str, Any]]:
    """Every language that some voice speaks."""
    ready = {voice.language for voice in all_voices() if voice.ready}
    return [language.as_dict() | {"ready": language.code in ready} for language in all_languages()]


@router.get("/api/voices")
def voices(language: str | None = None) -> list[dict[str, Any]]:
    """All voices, the best of each language first; language: a code or a name."""
    return [_told(voice.as_dict()) for voice in all_voices(language)]


@router.get("/api/models")
def models() -> list[dict[str, Any]]:
    """Models with their licences, the default one first; `ready` tells that their files are there."""
    return [_told(model.as_dict()) for model in all_models()]


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {"how_to_get": redacted(facts["how_to_get"])}
