"""Voices of a server that speaks OpenAI's POST /v1/audio/speech: OpenAI itself, or one on a machine of one's own.

https://platform.openai.com/docs/api-reference/audio/createSpeech. Without LIPSYNC_SPEECH_URL there is no such voice,
and nothing is contacted; with it, the server gets the text that one of its voices is to speak.
"""

from collections.abc import Iterator

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Message
from lipsync_core.settings import settings
from lipsync_core.speech.engines.base import Engine, Utterance
from lipsync_core.speech.engines.openai.client import OFFLINE, RATE, SpeechServer
from lipsync_core.speech.engines.untimed import joined_utterances
from lipsync_core.speech.text.languages import NAMING_LANGUAGE, known_languages, language_code
from lipsync_core.speech.voice import Voice

READ = set("$€£¥₽₹¢°§±×÷=+<>~^|½¼¾²³№™©®")  # symbols that such servers say in each language


class OpenAI(Engine):
    """Speaks the voices of LIPSYNC_SPEECH_VOICES, in the languages given there, and by "NAME/CODE" in all others."""

    name = "openai"
    title = "Speech server"
    quality = 70

    def voices(self) -> list[Voice]:
        """In the order of the setting. The first language of a name has the plain id, a further one NAME/CODE."""
        server = settings().speech_url
        if server is None:
            return []
        found: dict[str, Voice] = {}
        for given in settings().speech_voices:
            name, _, language = given.rpartition(":") if ":" in given else (given, "", NAMING_LANGUAGE)
            try:
                code, how = language_code(language, known_languages()), ""
            except LipsyncError as error:
                code, how = NAMING_LANGUAGE, error.message
            known = f"{name}/{code}" if name in found else name
            found.setdefault(known, self._voice(server, known, name, code, how))
        return list(found.values())

    def find(self, name: str) -> Voice | None:
        """Any voice in any language: "nova/ru"."""
        server = settings().speech_url
        base, _, language = name.rpartition("/")
        if server is None or base not in {voice.name_in_engine for voice in self.voices()}:
            return None
        try:
            return self._voice(server, name, base, language_code(language, known_languages()), "")
        except LipsyncError:
            return None

    def _voice(self, url: str, known: str, name: str, language: str, how_to_get: str) -> Voice:
        server = SpeechServer(url)
        if settings().offline and not server.is_local:
            how_to_get = Message(OFFLINE, server=server.address)
        return self.voice(
            known,
            language,
            how_to_get=how_to_get,
            name=name,
            sample_rate=RATE,
            licence=Message("as the speech server {server} says", server=server.address),
            neural=True,
            commercial_use=None,
        )

    def reads(self, symbol: str, voice: Voice) -> bool:
        """What stands on keyboards is read by the server; emoji are given to it by their names."""
        return symbol in READ

    def synthesize(
        self, text: str, voice: Voice, speed: float, cancel: CancelToken, early: bool
    ) -> Iterator[Utterance]:
        """Speak; the sound is given on while it comes. The times of words are estimates, and there are no phonemes."""
        server = SpeechServer(settings().speech_url or "")
        name = voice.name_in_engine
        if name.rpartition("/")[2] == voice.language:
            name = name.rpartition("/")[0]
        blocks = server.speak(text, name, speed, cancel)
        yield from joined_utterances(text, blocks, RATE, speed, voice.id, early)
