"""Text, or a recording, to Speech. Engines load when they are first needed."""

from lipsync_core.speech.catalogue import default_voice, find_voice, get_voice, languages, voices
from lipsync_core.speech.recording import read_recording
from lipsync_core.speech.speech import Phoneme, Speech, Word
from lipsync_core.speech.stream import SpeechStream, choose_voice, speak, warm_up
from lipsync_core.speech.text.languages import Language
from lipsync_core.speech.voice import Voice
from lipsync_core.speech.voice_cloning import (
    CONSENT,
    ClonedVoice,
    clone_voice,
    cloned_voices,
    forget_voice,
)

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
