"""The package TTS (coqui-tts), imported when it is first needed, and made to run where parts of it would not.

https://github.com/idiap/coqui-ai-TTS, MPL-2.0. What its import brings takes seconds and hundreds of megabytes.
"""

import importlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import types
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lipsync_core.errors import LipsyncError, Message, Reason
from lipsync_core.installation import DISTRIBUTION, IN_CHECKOUT, ROOT
from lipsync_core.speech.engines.espeak.engine import espeak

# What it imports without declaring it, too.
PACKAGES = {
    "TTS": "coqui-tts",
    "torchaudio": "torchaudio",
    "torchcodec": "torchcodec",
    "transformers": "transformers",
    "six": "six",
}
HOW_TO_GET = (
    Message("Install it: python -m pip install -r requirements.txt (coqui-tts with torchaudio and torchcodec).")
    if IN_CHECKOUT
    else Message("Install it: python -m pip install {packages: }.", packages=[f"'{DISTRIBUTION}[coqui]'"])
)

IMPORT_SECONDS = 120  # at most; the first time on a machine some of it is compiled
_SWITCH = re.compile(r"\(.+?\)")  # eSpeak NG tells that it reads a word in another language
_OTHER_NAMES = {"en": "en-us", "zh-cn": "cmn"}  # of languages, as Coqui's own phonemizer changes them
_lock = threading.Lock()

_TRY = """
import sys
from lipsync_core.errors import LipsyncError
from lipsync_core.speech.engines.coqui.library import coqui
try:
    coqui()
except LipsyncError as error:
    sys.exit(str(error))
"""


def lacking() -> bool:
    """Whether something that is needed is not installed; imports nothing."""
    return any(find_spec(module) is None for module in PACKAGES)


@lru_cache(maxsize=1)
def known_models() -> dict[str, dict[str, Any]]:
    """The single-language models that Coqui has published, by their full name ("tts_models/de/thorsten/vits")."""
    spec = find_spec("TTS")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        return {}
    try:
        listed = json.loads((Path(next(iter(folders))) / ".models.json").read_text("utf-8"))["tts_models"]
    except (OSError, ValueError, KeyError):
        return {}
    return {
        f"tts_models/{language}/{data}/{model}": {"language": language, **about}
        for language, sets in listed.items()
        for data, models in sets.items()
        for model, about in models.items()
        if language != "multilingual" and model != "tortoise-v2"
    }


def coqui() -> None:
    """Import it. Raises LipsyncError where it does not import."""
    with _lock:
        if "TTS.api" in sys.modules:
            return
        if lacking():
            raise LipsyncError("Coqui is not installed; {how:inner}.", how=HOW_TO_GET)
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        logging.getLogger("TTS").setLevel(logging.ERROR)
        try:
            _import_torchaudio()
            importlib.import_module("TTS.api")
        except Exception as error:  # a part of it that does not fit raises anything
            reason = Reason(f"{type(error).__name__}: {error}".splitlines()[0])
            raise LipsyncError(
                "Coqui does not import ({reason}); install it again, see docs/voices.md.", reason=reason
            ) from error
        _bring_espeak()


def _import_torchaudio() -> None:
    """torchaudio from PyPI has a compiled part for CUDA, which Coqui does not need and a CPU's torch does not load."""
    try:
        importlib.import_module("torchaudio")
    except (OSError, RuntimeError, ImportError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        extension: Any = types.ModuleType("torchaudio._extension")
        extension.__path__ = []
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
        extension._IS_ALIGN_AVAILABLE = False
        extension._check_cuda_version = lambda: None
        extension.fail_if_no_align = lambda function: function
        sys.modules["torchaudio._extension"] = extension
        importlib.import_module("torchaudio")


def _bring_espeak() -> None:
    """Coqui would call the program espeak-ng, a process a phrase; the library that is here makes its phonemes."""
    phonemizers: Any = importlib.import_module("TTS.tts.utils.text.phonemizers")
    made = _phonemizer(phonemizers.BasePhonemizer)
    phonemizers.ESpeak = made
    phonemizers.PHONEMIZERS["espeak"] = made


def _phonemizer(base: type) -> type:
    """A class after Coqui's BasePhonemizer, which is imported only where it is used."""

    class Phonemizer(base):  # type: ignore[misc]  # Coqui has no types
        def __init__(self, language: str, **options: Any) -> None:
            options.pop("backend", None)
            super().__init__(_OTHER_NAMES.get(language, language), **options)

        @staticmethod
        def name() -> str:
            return "espeak"

        @classmethod
        def is_available(cls) -> bool:
            return True

        def version(self) -> str:
            return "1.52"

        @staticmethod
        def supported_languages() -> dict[str, str]:
            names = {one.name_in_engine: one.name for one in espeak().voices() if "+" not in one.id}
            return {**names, "en": "English"}

        def _phonemize(self, text: str, separator: str = "") -> str:
            return _SWITCH.sub("", espeak().phonemes(text, espeak().find_language(self._language)))

    return Phonemizer


def import_fault() -> str:
    """One sentence on why it cannot be imported, "" where it can; about three seconds.

    Tried in a process of its own: what it brings may crash, hang, or break the other packages.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Coqui does not import within {IMPORT_SECONDS} seconds; install it again, see docs/voices.md."
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    if done.returncode == 1 and said and said[-1].startswith("Coqui "):
        return said[-1]
    return f"Coqui does not import (status {done.returncode}); install it again, see docs/voices.md."
