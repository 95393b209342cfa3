"""Which voices and languages there are, and which voice is meant."""

from difflib import get_close_matches

from lipsync_core.checkpoints import Progress, fetch, manifest
from lipsync_core.errors import LipsyncError, NotReady
from lipsync_core.speech.engines.base import engine_names, get_engine
from lipsync_core.speech.engines.coqui import engine as _coqui
from lipsync_core.speech.engines.espeak import engine as _espeak  # registers itself
from lipsync_core.speech.engines.kokoro import engine as _kokoro
from lipsync_core.speech.engines.piper import engine as _piper
from lipsync_core.speech.engines.speed import is_prompt, keeps_ahead
from lipsync_core.speech.text.languages import Language, known_languages, language_code, shorten
from lipsync_core.speech.voice import Voice

_QUALITY = ("kokoro", "piper", "coqui", "espeak")  # engines, the better sounding first

del _espeak, _kokoro, _piper


def voices(language: str | None = None) -> list[Voice]:
    """All voices, also those that are not ready, the best of each language first; loads no model.

    language: code or name; a code without a region ("pt") gives all regions. Raises LipsyncError where no voice
    speaks it.
    """
    listed = [voice for name in engine_names() for voice in get_engine(name).voices()]
    listed.sort(key=_rank)  # stable: the engines' own order is kept within a rank
    if language is None:
        return listed
    code = language_code(language, {voice.language for voice in listed})
    family = code.split("-")[0] if "-" not in language and "_" not in language else None
    exact = [voice for voice in listed if voice.language == code]
    return exact + [voice for voice in listed if voice.language != code and voice.language.split("-")[0] == family]


def _rank(voice: Voice) -> tuple[bool, int, int]:
    """Neural voices, those that begin soon first; robotic ones; what is too slow here or not for everybody's use."""
    if not voice.neural:
        tier = 2
    elif voice.commercial_use is False or (voice.ready and not keeps_ahead(voice)):
        tier = 3
    else:
        tier = 1 if voice.ready and not is_prompt(voice) else 0
    return not voice.ready, tier, _QUALITY.index(voice.engine)


def languages() -> list[Language]:
    """Every language that some voice speaks, by English name."""
    spoken = {voice.language for voice in voices()}
    return sorted((entry for code, entry in known_languages().items() if code in spoken), key=lambda entry: entry.name)


def default_voice(language: str) -> Voice:
    """The voice of a language: the best that is ready and fast enough on this machine, as far as is known.

    language: code or name. Raises LipsyncError where no voice speaks it, or none that is ready.
    """
    code = language_code(language, {voice.language for voice in voices()})
    best = next(voice for voice in voices() if voice.language == code)
    return _ready(best)


def find_voice(name: str | Voice) -> Voice:
    """The voice that is meant by an id ("espeak:ru+f3"), or by what follows the engine in it ("ru+f3", "joe").

    Raises LipsyncError, naming close matches, where there is none or it is not ready.
    """
    return _ready(name if isinstance(name, Voice) else _meant(name))


def _meant(name: str) -> Voice:
    wanted = " ".join(name.split())
    listed = voices()
    for voice in listed:
        if voice.id == wanted:
            return voice
    by_name: dict[str, Voice] = {}
    for voice in listed:
        for known in (voice.id, *(f"{voice.engine}:{alias}" for alias in voice.aliases)):
            by_name.setdefault(known.lower(), voice)
            by_name.setdefault(known.lower().partition(":")[2], voice)
    found = by_name.get(wanted.lower())
    if found is None:
        engine, colon, rest = wanted.partition(":")
        for candidate in engine_names():
            if found is None and (not colon or engine.lower() == candidate):
                found = get_engine(candidate).find(rest if colon else wanted)
    if found is None:
        close = get_close_matches(wanted.lower(), by_name, n=3, cutoff=0.6)
        if close:
            meant = tuple(dict.fromkeys(by_name[match].id for match in close))
            raise LipsyncError(
                'There is no voice "{name}"; did you mean {close: or }?', name=shorten(name), close=meant
            )
        raise LipsyncError('There is no voice "{name}"; `python -m lipsync_core voices` lists all.', name=shorten(name))
    return found


def get_voice(name: str, progress: Progress | None = None) -> Voice:
    """The voice that is meant, after its files have been fetched where some are missing; that takes minutes.

    progress: as `checkpoints.fetch` takes it. Raises LipsyncError as `find_voice` and `fetch` do, which is also for a
    licence that has not been accepted.
    """
    voice = _meant(name)
    if not voice.ready:
        for entry in voice.checkpoints:
            fetch(entry, progress)
        if voice.engine == "coqui" and voice.name_in_engine.startswith("tts_models/"):
            _coqui.download(voice.name_in_engine)
    return find_voice(name)


def companion(voice: Voice, language: str) -> Voice:
    """Who reads a passage in another language: a voice of the same engine and gender where there is one."""
    spoken = [other for other in voices() if other.ready and other.language == language]
    if not spoken:
        return default_voice(language)
    return min(spoken, key=lambda other: (other.engine != voice.engine, other.gender != voice.gender))


def _ready(voice: Voice) -> Voice:
    if not voice.ready:
        brought = [name for name in voice.checkpoints if not manifest()[name].manual]
        raise NotReady(
            "The voice {voice} is not ready: {how:inner}.", voice=voice.id, how=voice.how_to_get, checkpoints=brought
        )
    return voice
