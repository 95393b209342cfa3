"""The shared library of eSpeak NG, by ctypes (speak_lib.h of version 1.52).

Its state is global to the process: one lock covers each use, and each use sets voice and parameters again.
"""

import ctypes
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Message, Reason

RATE = 22050  # Hz, of every eSpeak voice
VOLUME = 80  # per cent; at 100 some voices reach full scale
PITCH = RANGE = 50  # middle of 0..99
MOST_CHOSEN = 100
DRAINING_RATE = 400  # words a minute
SEED = 1  # of the noise in its consonants, so that a text sounds nearly the same each time


_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback, before espeak_Synth returns
_PHONEME_EVENTS, _IPA_EVENTS, _DO_NOT_EXIT = 1, 2, 0x8000
_UTF8 = 1  # neither SSML (0x10) nor [[phonemes]] (0x100) are commands: text is data
_PARAMETER_RATE, _PARAMETER_VOLUME, _PARAMETER_PITCH, _PARAMETER_RANGE = 1, 2, 3, 4
_EVENT_END_OF_LIST, EVENT_WORD, EVENT_PHONEME = 0, 1, 7
_GENDER = re.compile(r"(?im)^gender +(?P<gender>male|female)(?: +(?P<age>\d+))?")  # in the file of a variant
_IPA, _TIES = 2, 0x80  # espeak_TextToPhonemes mode; bits 8 to 23 hold a character


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Variant:
    """A way in which any language can be spoken. name: such as "f3". gender, age: as its file states them."""

    name: str
    gender: str = ""
    age: int | None = None


class ESpeakLibrary:
    """The shared library, initialised. Every method needs `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._blocks: list[np.ndarray] = []
        self._events: list[tuple[int, int, int, str]] = []
        self._failure: BaseException | None = None
        self._cancel = CancelToken()
        self._chosen = 0  # voices since something was spoken
        import espeakng_loader  # here, for whoever leaves this package out

        data = espeakng_loader.get_data_path()
        self._data = Path(data)
        self._dll = ctypes.CDLL(espeakng_loader.get_library_path())
        self._dll.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._dll.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._dll.espeak_TextToPhonemes.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
        options = _PHONEME_EVENTS | _IPA_EVENTS | _DO_NOT_EXIT
        if self._dll.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), options) != RATE:
            raise LipsyncError(
                "eSpeak NG cannot read its data in {data}; install espeakng-loader again, in a shorter path.",
                data=self._data,
            )
        self._callback = _Callback(self._receive)  # kept, for as long as the library may call it
        self._dll.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        try:
            self._cancel.check()
            if count > 0 and samples:
                self._blocks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
            i = 0
            while events[i].type != _EVENT_END_OF_LIST:
                event = events[i]
                if event.type in (EVENT_WORD, EVENT_PHONEME):
                    name = bytes(event.id.string).decode("utf-8", "ignore") if event.type == EVENT_PHONEME else ""
                    self._events.append((event.type, event.text_position - 1, event.sample, name))
                i += 1
        except BaseException as failure:  # raised again by synthesize: it cannot pass through C
            self._failure = failure
            return 1
        return 0

    def list_voices(self) -> list[str]:
        """Identifiers of the voices that can speak, such as "zle/ru"."""
        found = self._dll.espeak_ListVoices(None)
        identifiers: list[str] = []
        while found[len(identifiers)]:
            identifiers.append(found[len(identifiers)].contents.identifier.decode())
        return [name for name in identifiers if self._has_dictionary(name)]

    def _has_dictionary(self, identifier: str) -> bool:
        """A few voice files come without the dictionary by which they would read."""
        settings: dict[str, str] = {}
        for line in (self._data / "lang" / identifier).read_text("utf-8", "replace").splitlines():
            key, _, value = line.strip().partition(" ")
            settings.setdefault(key, value.strip())
        language = settings.get("dictionary") or settings.get("language", "").split(" ")[0].split("-")[0]
        return (self._data / f"{language}_dict").is_file()

    def list_variants(self) -> list[Variant]:
        """The voice variants, by name."""
        found = []
        for path in sorted((self._data / "voices" / "!v").iterdir()):
            stated = _GENDER.search(path.read_text("utf-8", "replace"))
            age = int(stated["age"]) if stated and stated["age"] else None
            found.append(Variant(path.name, stated["gender"].lower() if stated else "", age))
        return found

    def set_voice(self, identifier: str) -> None:
        """identifier: as listed, with a variant after a plus sign where one is wanted."""
        # Each choice waits in a queue of 170 places until something is spoken; a full one loses the next text's start.
        self._chosen += 1
        if self._chosen > MOST_CHOSEN:
            self.synthesize("a", DRAINING_RATE, CancelToken())
        self._check(
            self._dll.espeak_SetVoiceByName(identifier.encode()),
            Message("take the voice {identifier}", identifier=identifier),
        )

    def _check(self, status: int, what: Message) -> None:
        if status != 0:
            raise LipsyncError(
                "eSpeak NG could not {what} (status {status}); install espeakng-loader again.", what=what, status=status
            )

    def phonemes(self, text: str, tie: str = "", between: str = "") -> str:
        """IPA of a text, with stress marks; empty where it has no sound.

        tie: a character to stand between the letters of one phoneme. between: one to stand between phonemes, which
        are then given by eSpeak's own names instead of in IPA.
        """
        mode = ord(between) << 8 if between else _IPA | (_TIES | ord(tie) << 8 if tie else 0)
        encoded = ctypes.c_char_p(text.encode())
        position = ctypes.c_void_p(ctypes.cast(encoded, ctypes.c_void_p).value)
        parts = []
        while position.value:
            parts.append(self._dll.espeak_TextToPhonemes(ctypes.byref(position), _UTF8, mode) or b"")
        return b" ".join(parts).decode("utf-8", "replace").strip()

    def synthesize(
        self, text: str, rate: int, cancel: CancelToken
    ) -> tuple[np.ndarray, list[tuple[int, int, int, str]]]:
        """(n,) int16 and events (type, text position from 0, sample, phoneme name)."""
        self._blocks, self._events, self._failure, self._cancel = [], [], None, cancel
        self._chosen = 0
        for parameter, value in (
            (_PARAMETER_RATE, rate),
            (_PARAMETER_VOLUME, VOLUME),
            (_PARAMETER_PITCH, PITCH),
            (_PARAMETER_RANGE, RANGE),
        ):
            self._check(self._dll.espeak_SetParameter(parameter, value, 0), Message("take a parameter"))
        self._dll.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
        encoded = text.encode()
        size = ctypes.c_size_t(len(encoded) + 1)
        status = self._dll.espeak_Synth(encoded, size, 0, 1, 0, _UTF8, None, None)
        if self._failure:
            raise self._failure
        self._check(status, Message("speak"))
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        events, self._blocks, self._events = self._events, [], []
        return samples, events


@lru_cache(maxsize=1)
def _load() -> ESpeakLibrary:
    try:
        return ESpeakLibrary()
    except ImportError as error:
        how = Message("Install it: python -m pip install {packages: }.", packages=["espeakng-loader"])
        raise LipsyncError("eSpeak NG is not installed; {how:inner}.", how=how) from error
    except OSError as error:
        raise LipsyncError(
            "eSpeak NG does not load ({reason}); install espeakng-loader again.", reason=Reason(error)
        ) from error


_load_lock = threading.Lock()


def espeak_library() -> ESpeakLibrary:
    with _load_lock:
        return _load()
