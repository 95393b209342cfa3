"""The loaded XTTS v2 network: text in 17 languages to a stream of sound, in the voice of a short recording.

https://arxiv.org/abs/2406.04904; weights under the Coqui Public Model License, for non-commercial use.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.speech.engines.coqui.library import coqui
from lipsync_core.speech.engines.coqui.model import Interruptible, device
from lipsync_core.speech.voice_cloning import read_sample

RATE = 24000  # Hz
SAMPLE_RATE = 22050  # Hz, of the recordings that are imitated
# Our codes of its languages.
LANGUAGES = {
    "en-US": "en", "es": "es", "fr": "fr", "de": "de", "it": "it", "pt-BR": "pt", "pl": "pl", "tr": "tr", "ru": "ru",
    "nl": "nl", "cs": "cs", "ar": "ar", "zh": "zh-cn", "hu": "hu", "ko": "ko", "ja": "ja", "hi": "hi",
}  # fmt: skip


class Xtts:
    """Any thread may call it. Raises LipsyncError for a folder that does not hold the network."""

    def __init__(self, folder: Path) -> None:
        coqui()
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models.xtts import Xtts as Network

        try:
            self._config = XttsConfig()
            self._config.load_json(str(folder / "config.json"))
            network: Any = Network(self._config)
            network.load_checkpoint(self._config, checkpoint_dir=str(folder), eval=True)
            self._network = network.to(device())
        except Exception as error:  # Coqui raises anything
            raise LipsyncError(
                "{folder} does not hold XTTS ({reason}); get it again.", folder=folder, reason=Reason(error)
            ) from error
        self._interruptible = Interruptible(network)
        self._voices: dict[tuple[str, float], tuple[Any, Any]] = {}  # by sample and the time it was changed

    def speak(
        self, text: str, language: str, speaker: str | Path, speed: float, cancel: CancelToken
    ) -> Iterator[np.ndarray]:
        """(n,) float32 blocks at RATE, each as soon as it is made; they fit together without a seam.

        language: our code. speaker: the file of a recording, or the name of a speaker that comes with the network.
        """
        # In a thread to the sentence's end: the network remembers the sentence that it is at, so that another one has
        # to wait for it, but never for a listener who takes his time.
        made: SimpleQueue[np.ndarray | BaseException | None] = SimpleQueue()
        own = CancelToken()
        arguments = (text, language, speaker, speed, own, made)
        thread = threading.Thread(target=self._fill, args=arguments, name="xtts-speak")
        thread.start()
        try:
            with cancel.interrupting(own.cancel):
                while (block := made.get()) is not None:
                    cancel.check()
                    if isinstance(block, BaseException):
                        raise block
                    yield block
        finally:
            own.cancel()
            thread.join()

    def _fill(
        self,
        text: str,
        language: str,
        speaker: str | Path,
        speed: float,
        cancel: CancelToken,
        made: "SimpleQueue[np.ndarray | BaseException | None]",
    ) -> None:
        try:
            with self._interruptible.use(cancel):
                latents, embedding = self._voice(speaker)
                blocks = self._network.inference_stream(
                    text,
                    LANGUAGES[language],
                    latents,
                    embedding,
                    speed=speed,
                    temperature=self._config.temperature,
                    length_penalty=self._config.length_penalty,
                    repetition_penalty=self._config.repetition_penalty,
                    top_k=self._config.top_k,
                    top_p=self._config.top_p,
                )
                for block in blocks:
                    made.put(np.asarray(block.detach().cpu().numpy(), np.float32).ravel())
            made.put(None)
        except BaseException as error:  # raised again by whoever listens
            made.put(error)

    def _voice(self, speaker: str | Path) -> tuple[Any, Any]:
        if isinstance(speaker, Path):
            key = str(speaker), speaker.stat().st_mtime
            if key not in self._voices:
                self._voices[key] = self._imitated(speaker)
            return self._voices[key]
        speakers = getattr(self._network.speaker_manager, "speakers", None) or {}
        if not speakers:
            raise LipsyncError(
                "XTTS has no speakers of its own here; put speakers_xtts.pth beside its model, or make one with "
                "`python -m lipsync_core voices --clone RECORDING --name NAME`."
            )
        name = next((known for known in speakers if known.lower() == speaker.lower()), None) if speaker else None
        if speaker and name is None:
            raise LipsyncError(
                'XTTS has no speaker "{speaker}"; choose one of {names}.',
                speaker=speaker,
                names=tuple(sorted(speakers)),
            )
        chosen = speakers[name or next(iter(speakers))]
        latents, embedding = chosen.values()
        return latents, embedding

    def _imitated(self, sample: Path) -> tuple[Any, Any]:
        import torch

        sound = torch.from_numpy(read_sample(sample, SAMPLE_RATE))[None, : SAMPLE_RATE * self._config.max_ref_len]
        latents = self._network.get_gpt_cond_latents(
            sound, SAMPLE_RATE, length=self._config.gpt_cond_len, chunk_length=self._config.gpt_cond_chunk_len
        )
        return latents, self._network.get_speaker_embedding(sound, SAMPLE_RATE)
