"""Text, or a recording, to Speech. Engines load when they are first needed."""

from .catalogue import default_voice, find_voice, languages, voices
from .languages import Language
from .recording import read_recording
from .speech import Phoneme, Speech, Word
from .stream import SpeechStream, choose_voice, speak, warm_up
from .voice import Voice

__all__ = [
    "Language",
    "Phoneme",
    "Speech",
    "SpeechStream",
    "Voice",
    "Word",
    "choose_voice",
    "default_voice",
    "find_voice",
    "languages",
    "read_recording",
    "speak",
    "voices",
    "warm_up",
]
