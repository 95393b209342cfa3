"""A loaded single-language model of Coqui: text to sound, and for VITS the time of every character."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.settings import settings
from lipsync_core.speech.engines.coqui.library import coqui

SEED = 1  # of the noise: the same text sounds the same each time
WEIGHTS = ("model.pth", "model_file.pth", "model_file.pth.tar", "best_model.pth", "checkpoint.pth")


@dataclass(frozen=True)
class Spoken:
    """What a network made of a sentence.

    samples: (n,) float32. symbols: what the network was given, and bounds their times in seconds, (symbols + 1,);
    both empty where the network does not tell. phonetic: whether the symbols are IPA, or else letters.
    """

    samples: np.ndarray
    rate: int
    symbols: list[str]
    bounds: list[float]
    phonetic: bool


class Interruptible:
    """Lets a torch module end in the middle: every part of it looks whether it is still wanted."""

    def __init__(self, module: Any) -> None:
        self._cancel = CancelToken()
        self._lock = threading.Lock()
        for part in module.modules():
            part.register_forward_pre_hook(self._look)

    def _look(self, *_: Any) -> None:
        self._cancel.check()

    @contextmanager
    def use(self, cancel: CancelToken) -> Iterator[None]:
        """One at a time, always with the same noise."""
        import torch

        while not self._lock.acquire(timeout=0.05):
            cancel.check()
        try:
            self._cancel = cancel
            devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(SEED)
                yield
        finally:
            self._cancel = CancelToken()
            self._lock.release()


class CoquiModel:
    """Any thread may call it. Raises LipsyncError for a folder that holds no model which Coqui can use."""

    def __init__(self, folder: Path) -> None:
        coqui()
        from TTS.api import TTS

        try:
            made = TTS(model_path=str(weights_of(folder)), config_path=str(folder / "config.json"), progress_bar=False)
            synthesizer: Any = made.synthesizer
            self._synthesizer = synthesizer.to(device())
            self._model = synthesizer.tts_model
            self.rate = int(synthesizer.output_sample_rate)
            self._is_vits = synthesizer.tts_config.model == "vits"
            self._length_scale = float(getattr(self._model, "length_scale", 1.0))
            speakers = getattr(getattr(self._model, "speaker_manager", None), "speaker_names", None)
        except LipsyncError:
            raise
        except Exception as error:  # Coqui raises anything
            raise LipsyncError(
                "{folder} is no model that Coqui can use ({reason}); get it again.", folder=folder, reason=Reason(error)
            ) from error
        self._speaker = next(iter(speakers), None) if speakers else None
        self._interruptible = Interruptible(synthesizer)

    def speak(self, text: str, speed: float, cancel: CancelToken) -> Spoken:
        """A sentence. speed: of VITS; the other networks have one speed."""
        with self._interruptible.use(cancel):
            if self._is_vits:
                self._model.length_scale = self._length_scale / speed
                return self._vits(text)
            wave = self._synthesizer.tts(text, speaker_name=self._speaker, split_sentences=False)
        return Spoken(np.asarray(wave, np.float32), self.rate, [], [], False)

    def _vits(self, text: str) -> Spoken:
        made = self._model.synthesize(text=text, speaker=self._speaker)
        samples = np.asarray(made["wav"], np.float32).ravel()
        tokenizer = self._model.tokenizer
        characters = tokenizer.characters
        numbers = made["text_inputs"].ravel().tolist()
        blank = {getattr(tokenizer, "blank_id", None), getattr(tokenizer, "pad_id", None)}
        symbols = ["" if number in blank else characters.id_to_char(number) for number in numbers]
        frames = made["outputs"]["durations"].ravel().cpu().numpy()
        # The network gives a frame for each of the durations, so that they are the sound's length.
        bounds = np.concatenate([[0.0], np.cumsum(frames)]) / max(1.0, float(frames.sum())) * len(samples) / self.rate
        return Spoken(samples, self.rate, *_without_blanks(symbols, bounds.tolist()), bool(tokenizer.use_phonemes))


def _without_blanks(symbols: list[str], bounds: list[float]) -> tuple[list[str], list[float]]:
    """Blanks belong to the symbol before them; those at the start to the first."""
    kept, starts = [], []
    for symbol, start in zip(symbols, bounds[:-1], strict=True):
        if symbol:
            kept.append(symbol)
            starts.append(start)
    if starts:
        starts[0] = bounds[0]
    return kept, [*starts, bounds[-1]] if kept else []


def device() -> str:
    """Where models run."""
    import torch

    return "cuda" if settings().device != "cpu" and torch.cuda.is_available() else "cpu"


def weights_of(folder: Path) -> Path:
    """The file with the weights. Raises LipsyncError where there is none."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    found = sorted(folder.glob("*.pth"))
    if len(found) == 1:
        return found[0]
    raise LipsyncError(
        "{folder} has no weights; put model.pth, which comes with config.json, beside it.", folder=folder
    )
