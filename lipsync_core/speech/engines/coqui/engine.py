"""Coqui: XTTS v2 in 17 languages, which imitates a voice, and single-language models such as VITS.

https://github.com/idiap/coqui-ai-TTS (package coqui-tts, MPL-2.0). Nothing of it is imported before such a voice is
chosen. Models lie in folders of their own, each a config.json and its weights, and run on a GPU where there is one.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from lipsync_core.cancel import CancelToken
from lipsync_core.checkpoints import Progress
from lipsync_core.errors import LipsyncError, Message, Reason
from lipsync_core.settings import settings
from lipsync_core.speech.engines.base import Engine, SpokenWord, Utterance
from lipsync_core.speech.engines.coqui.library import HOW_TO_GET, PACKAGES, coqui, import_fault, known_models
from lipsync_core.speech.engines.coqui.model import CoquiModel, Spoken, weights_of
from lipsync_core.speech.engines.coqui.xtts import LANGUAGES, RATE, Xtts
from lipsync_core.speech.engines.espeak.engine import espeak
from lipsync_core.speech.engines.model_cache import MODELS
from lipsync_core.speech.engines.untimed import joined_utterances, spread_words
from lipsync_core.speech.speech import Phoneme
from lipsync_core.speech.text.languages import NAMING_LANGUAGE, known_languages, language_code
from lipsync_core.speech.timing.phonemes import phonemes_of_letters, timed_phonemes, timed_words
from lipsync_core.speech.voice import Voice
from lipsync_core.speech.voice_cloning import cloned_voices

FOLDER = "coqui"  # in the checkpoints folder: a model in each folder
DOWNLOADED = "coqui/tts"  # where Coqui's own manager puts what it downloads
XTTS_FOLDER = "xtts_v2"  # in the checkpoints folder
XTTS = "xtts/"  # how the ids of its voices begin
XTTS_LICENCE = Message("CPML (XTTS v2, non-commercial); MPL-2.0 (Coqui, a separate package)")
LICENCE = Message("MPL-2.0 (Coqui, a separate package)")
FREE = ("apache", "mit", "bsd", "mpl", "cc0", "cc-by-4", "cc-by-sa")  # how licences begin that allow commercial use

_NAME = re.compile(r"tts_models/[A-Za-z_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")


class Coqui(Engine):
    """Speaks XTTS, models in the checkpoints' folder `coqui`, and the published ones once they are downloaded."""

    name = "coqui"
    title = "Coqui"
    quality = 50
    packages: ClassVar = PACKAGES
    imitation = XTTS + "{language}/{name}"

    def voices(self) -> list[Voice]:
        """Own models first, then XTTS by language and cloned voice, then what can be downloaded."""
        install = self.how_to_install()
        own = sorted((settings().checkpoints_dir / FOLDER).glob("*/config.json"))
        return [
            *(_own(path.parent, install) for path in own),
            *_xtts_voices(install),
            *(voice for name in known_models() if (voice := _published(name, install, _is_downloaded(name)))),
        ]

    def find(self, name: str) -> Voice | None:
        """A speaker that comes with XTTS: "xtts/ru/Claribel Dervla"."""
        parts = name.split("/")
        if len(parts) != 3 or parts[0] != "xtts" or parts[1] not in LANGUAGES:
            return None
        return _xtts(parts[1], parts[2], self.how_to_install() or _xtts_how())

    def watched(self) -> list[Path]:
        """Own and downloaded models, samples of cloned voices, and XTTS."""
        return [settings().checkpoints_dir / FOLDER, _xtts_folder()]

    def fetch(self, voice: Voice, progress: Progress | None = None) -> None:
        """A published model is fetched by Coqui's own manager."""
        super().fetch(voice, progress)
        if voice.name_in_engine in known_models():
            download(voice.name_in_engine)

    def how_to_install(self) -> str:
        """With what fits it, which its own requirements do not."""
        return HOW_TO_GET if self.lacking() else ""

    def import_fault(self) -> str:
        """Tried in a process of its own, for about three seconds."""
        return "" if self.lacking() else import_fault()

    def speed_group(self, voice: Voice) -> str:
        """XTTS in all its languages, or one model."""
        return f"{self.name}:{XTTS.rstrip('/')}" if voice.name_in_engine.startswith(XTTS) else voice.id

    def loaded(self, voice: Voice, cancel: CancelToken) -> AbstractContextManager[Xtts | CoquiModel]:
        """Coqui and the network, which take seconds, for XTTS more."""
        if voice.name_in_engine.startswith(XTTS):
            return MODELS.use(Xtts, _xtts_folder(), cancel)
        return MODELS.use(CoquiModel, _folder_of(voice), cancel)

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak; XTTS gives parts of a second each."""
        with self.loaded(voice, cancel) as network:
            if isinstance(network, Xtts):
                _, language, *name = voice.name_in_engine.split("/")
                known = {cloned.name: cloned.path for cloned in cloned_voices()}
                speaker: str | Path = known.get(name[0], name[0]) if name else ""
                blocks = network.speak(text, language, speaker, speed, cancel)
                yield from joined_utterances(text, blocks, RATE, speed, voice.id, early)
                return
            spoken = network.speak(text, speed, cancel)
        phonemes, words = _timed(text, spoken, voice)
        timed = bool(spoken.symbols)
        yield Utterance(spoken.samples, spoken.rate, tuple(phonemes), tuple(words), len(text), timed=timed)


def download(name: str) -> Path:
    """Fetch a published model by its full name, with Coqui's own manager, which verifies no hash.

    Raises LipsyncError for another name, one whose licence has to be accepted, and where it cannot be fetched.
    """
    if not _NAME.fullmatch(name) or name not in known_models():
        raise LipsyncError('Coqui has no model "{name}"; `python -m lipsync_core voices` lists all.', name=name[:80])
    if settings().offline:
        raise LipsyncError(
            "LIPSYNC_OFFLINE is set, and {name} is not there; put it into {folder} by hand.",
            name=name,
            folder=_downloaded(name),
        )
    coqui()
    from TTS.utils.manage import ModelManager

    log = logging.getLogger("TTS")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it would log the traceback of what is raised below
    try:
        manager = ModelManager(output_prefix=settings().checkpoints_dir / FOLDER, progress_bar=True)
        found, _, _ = manager.download_model(name)
    except Exception as error:  # Coqui raises anything
        raise LipsyncError(
            "{name} could not be downloaded ({reason}); try again with a connection.",
            name=name,
            reason=Reason(str(error).partition(" (Caused by")[0][:200]),
        ) from error
    finally:
        log.setLevel(level)
    return Path(found).parent


def _timed(text: str, spoken: Spoken, voice: Voice) -> tuple[list[Phoneme], list[SpokenWord]]:
    def phonemize(word: str) -> str:
        return espeak().phonemes(word, espeak().find_language(voice.language))

    if not spoken.symbols:
        return [], list(spread_words(text, 0, len(text), spoken.samples, spoken.rate))
    if not spoken.phonetic:
        return phonemes_of_letters(text, spoken.symbols, spoken.bounds, phonemize)
    phonemes = [one for one in timed_phonemes(spoken.symbols, spoken.bounds) if one.end > one.start]
    return phonemes, timed_words(text, phonemes, lambda word: list(phonemize(word)))


def _xtts_folder() -> Path:
    return settings().checkpoints_dir / XTTS_FOLDER


def _xtts_how() -> str:
    here = all((_xtts_folder() / name).is_file() for name in ("model.pth", "config.json", "vocab.json"))
    return "" if here else Message("Run `python -m lipsync_core fetch xtts_v2` (1.9 GB, non-commercial licence).")


def _xtts_voices(install: str) -> Iterator[Voice]:
    how = install or _xtts_how()
    for code in LANGUAGES:
        yield _xtts(code, "", how)
    for cloned in cloned_voices() if not how else ():
        for code in LANGUAGES:
            yield _xtts(code, cloned.name, "", cloned.display_name)


def _xtts(code: str, speaker: str, how_to_get: str, display_name: str = "") -> Voice:
    return Coqui.voice(
        f"{XTTS}{code}/{speaker}" if speaker else XTTS + code,
        code,
        how_to_get=how_to_get,
        name=f"XTTS, {display_name or speaker}" if speaker else "XTTS",
        sample_rate=RATE,
        licence=XTTS_LICENCE,
        neural=True,
        commercial_use=False,
        aliases=(f"{XTTS}{code}/{display_name}",) if display_name else (),
        checkpoints=("xtts_v2",),
    )


def _downloaded(name: str) -> Path:
    return settings().checkpoints_dir / DOWNLOADED / name.replace("/", "--")


def _folder_of(voice: Voice) -> Path:
    name = voice.name_in_engine
    return _downloaded(name) if name in known_models() else settings().checkpoints_dir / FOLDER / name


def _is_downloaded(name: str) -> bool:
    return (_downloaded(name) / "config.json").is_file()


def _published(name: str, install: str, here: bool) -> Voice | None:
    """A model that Coqui has published; None in a language that is not known here."""
    about = known_models()[name]
    try:
        code = language_code(about["language"], set(known_languages()))
    except LipsyncError:
        return None
    licence = str(about.get("license") or "see its source")
    free: bool | None = True if licence.lower().replace(" ", "-").startswith(FREE) else None
    free = False if "nc" in licence.lower().split("-") or "-nc" in licence.lower() else free
    how = install or ("" if here else Message("Run `python -m lipsync_core voices --get coqui:{name}`.", name=name))
    _, _, data, model = name.split("/")
    return Coqui.voice(
        name,
        code,
        how_to_get=how,
        name=f"{data}, {model}",
        sample_rate=22050,
        licence=Message("{licence} (the model); {coqui}", licence=licence, coqui=LICENCE),
        neural=True,
        commercial_use=free,
    )


def _own(folder: Path, install: str) -> Voice:
    """A model in the checkpoints' folder; its language is the start of its name, or else stands in its config."""
    how, rate, code = install, 22050, NAMING_LANGUAGE
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        rate = int(config["audio"].get("output_sample_rate") or config["audio"]["sample_rate"])
        weights_of(folder)
        code = _language(folder.name, config)
        characters = str((config.get("characters") or {}).get("characters_class") or "TTS.")
        if not characters.startswith("TTS."):
            how = Message(
                "Choose another one: {file} asks for code that is not Coqui's own.", file=folder / "config.json"
            )
    except LipsyncError as error:
        how = error.message
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        how = Message(
            "Put the config.json of a Coqui model into {folder}: what is there cannot be read.", folder=folder
        )
    return Coqui.voice(
        folder.name,
        code,
        how_to_get=how,
        name=folder.name,
        sample_rate=rate,
        licence=Message("{coqui}; the model's own", coqui=LICENCE),
        neural=True,
        commercial_use=None,
    )


def _language(name: str, config: dict[str, Any]) -> str:
    data = config.get("datasets") or [{}]
    for stated in (name.partition("-")[0], config.get("phoneme_language"), data[0].get("language")):
        try:
            return language_code(str(stated or "-"), set(known_languages()))
        except LipsyncError:
            continue
    raise LipsyncError("Name the folder {name} after its language, such as ru-{name}.", name=name)
