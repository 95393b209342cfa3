"""A loaded Piper voice: text to phonemes, phonemes to latents with their timing, latents to sound."""

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.audio.loudness import measure
from lipsync_core.cancel import CancelToken
from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.speech.engines.onnx_session import OnnxSession
from lipsync_core.speech.engines.piper.graph import open_graph

HOP = 256  # samples a frame of latents
CONTEXT = 16  # frames beyond a part that its sound depends on; measured: no sample differs from 13 on
FRAMES_AN_ID = 30  # noise is made for this many; slow speech takes six
SEED = 1  # of the noise: the same text sounds the same each time
SCALES = (("noise_scale", 0.667), ("length_scale", 1.0), ("noise_w", 0.8))  # in the order of the graph's input

# Other sentences of the bundled voice are 1.3 dB louder or softer (standard deviation).
SENTENCE = "ðə kwˈɪk bɹˈaʊn fˈɑːks dʒˈʌmps ˌoʊvɚ ðə lˈeɪzi dˈɑːɡ, ænd nˈoʊbɑːdi sˈɔː ɪt."

START, END, BETWEEN = "^", "$", "_"  # phonemes around a sentence, and after each of its phonemes

_bridge_lock = threading.Lock()  # the eSpeak NG inside the package piper is one per process


class PiperModel:
    """Any thread may call it. Loading takes half a second; raises LipsyncError for a file that is no usable voice."""

    def __init__(self, path: Path) -> None:
        from piper.phonemize_espeak import EspeakPhonemizer

        try:
            config = json.loads(path.with_name(path.name + ".json").read_text("utf-8"))
            graph = open_graph(path.read_bytes())
            self._session = OnnxSession(graph.data)
            self._ids: dict[str, list[int]] = config["phoneme_id_map"]
            self._language: str = config["espeak"]["voice"]
            self._scales = [float(config.get("inference", {}).get(*item)) for item in SCALES]
        except Exception as error:  # onnxruntime alone raises a dozen kinds, without a common parent
            raise LipsyncError(
                "{path} is no voice that Piper can use ({reason}); get it again.", path=path, reason=Reason(error)
            ) from error
        if graph.durations is None or graph.latents is None:
            raise LipsyncError("{path} hides when it says what; use a voice from Piper's own list.", path=path)
        self._durations, self._noises = graph.durations, graph.noises
        self._latents_out, self._latents_in = graph.latents
        self._channels = graph.channels
        self._has_speakers = "sid" in self._session.inputs
        self._phonemizer = EspeakPhonemizer()
        self._rate = int(config["audio"]["sample_rate"])
        self.loudness = self._measured_loudness()

    def _measured_loudness(self) -> float:
        """LUFS of a sentence, by which those are turned up whose start is played before their end is made."""
        symbols = [symbol for symbol in SENTENCE if symbol in self._ids]
        _, latents = self.latents(symbols, 1.0, CancelToken())
        return measure(self.sound(latents, 0, latents.shape[2], CancelToken()), self._rate)

    def phonemes(self, text: str) -> list[str]:
        """IPA letters, stress marks, punctuation and spaces, one character each, as the voice knows them."""
        with _bridge_lock:
            sentences = self._phonemizer.phonemize(self._language, text)
        found: list[str] = []
        for sentence in sentences:
            found += [" ", *sentence] if found and found[-1] != " " else sentence
        return [symbol for symbol in found if symbol in self._ids]

    def latents(self, phonemes: list[str], speed: float, cancel: CancelToken) -> tuple[np.ndarray, np.ndarray]:
        """Plan a sentence.

        Returns the frame at which each phoneme starts and the last one ends, (phonemes + 1,) int, and the latents
        (1, channels, frames) float32.
        """
        ids, counts = [], []
        for symbol in [START, *phonemes, END]:
            added = self._ids[symbol] + (self._ids[BETWEEN] if symbol != END else [])
            ids += added
            counts.append(len(added))
        noise_scale, length, noise_width = self._scales
        nothing = np.zeros((1, self._channels, 1), np.float32)
        scales = [noise_scale, length / speed, noise_width]
        durations, latents = self._run([self._durations, self._latents_out], ids, scales, nothing, cancel)
        ends = np.cumsum(durations.ravel())[np.cumsum(counts) - 1]
        return ends[:-1].astype(int), latents

    def sound(self, latents: np.ndarray, first: int, last: int, cancel: CancelToken) -> np.ndarray:
        """(n,) float32 of the frames first:last; parts of one sentence fit without a seam."""
        begin = max(0, first - CONTEXT)
        part = latents[:, :, begin : last + CONTEXT]
        # The whole graph runs each time, so its first half gets as few phonemes as can be.
        (sound,) = self._run(["output"], self._ids[START] + self._ids[END], self._scales, part, cancel)
        return sound.ravel()[(first - begin) * HOP : (last - begin) * HOP]

    def _run(
        self, outputs: list[str], ids: list[int], scales: list[float], latents: np.ndarray, cancel: CancelToken
    ) -> list[np.ndarray]:
        noise = _noise(int(len(ids) * FRAMES_AN_ID * max(1.0, scales[1])) * self._channels)
        feeds: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
            self._latents_in: np.ascontiguousarray(latents),
            **dict.fromkeys(self._noises, noise),
        }
        if self._has_speakers:
            feeds["sid"] = np.zeros(1, np.int64)
        return self._session.run(outputs, feeds, cancel)


def _noise(count: int) -> np.ndarray:
    """At least `count` normal values, always the same."""
    return _noise_of(1 << (count - 1).bit_length())


@lru_cache(maxsize=3)
def _noise_of(count: int) -> np.ndarray:
    return np.random.default_rng(SEED).standard_normal(count, dtype=np.float32)
