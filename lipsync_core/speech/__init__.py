"""Text, or a recording, to Speech. Engines load when they are first needed."""

from .catalogue import default_voice, find_voice, get_voice, languages, voices
from .clone import CONSENT, ClonedVoice, clone_voice, cloned_voices, forget_voice
from .languages import Language
from .recording import read_recording
from .speech import Phoneme, Speech, Word
from .stream import SpeechStream, choose_voice, speak, warm_up
from .voice import Voice

__all__ = [
    "CONSENT",
    "ClonedVoice",
    "Language",
    "Phoneme",
    "Speech",
    "SpeechStream",
    "Voice",
    "Word",
    "choose_voice",
    "clone_voice",
    "cloned_voices",
    "default_voice",
    "find_voice",
    "forget_voice",
    "get_voice",
    "languages",
    "read_recording",
    "speak",
    "voices",
    "warm_up",
]
