"""Real lips under other voices: a synthetic voice says a GRID sentence, and the speaker's mouth follows its timing.

One real speaker teaches a network that speaker's voice along with his lips. Dynamic time warping (Sakoe and Chiba,
"Dynamic programming algorithm optimization for spoken word recognition", 1978) carries his mouth to other voices.
"""

import random
from collections.abc import Iterator

import numpy as np

from lipsync_core.audio.mel import BANDS, RATE, mel_spectrogram
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.models.rig.motion import normalise
from lipsync_core.speech import Phoneme
from training.clip import Clip
from training.voices import TIMBRES, choose, say

_COMMAND = {"b": "bin", "l": "lay", "p": "place", "s": "set"}
_COLOUR = {"b": "blue", "g": "green", "r": "red", "w": "white"}
_PREPOSITION = {"a": "at", "b": "by", "i": "in", "w": "with"}
_LETTER = {"a": "ay", "z": "zed"}  # the others as capitals
_DIGIT = {
    "z": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
    "8": "eight", "9": "nine",
}  # fmt: skip
_ADVERB = {"a": "again", "n": "now", "p": "please", "s": "soon"}

PAUSE = 0.35  # s of silence before and after the synthetic sentence, as in the recordings
GROUPS = 20  # of mel bands that are compared
STEP = 0.35  # cost of a step that moves in one of the two recordings alone
SLOWEST, FASTEST = 0.85, 1.15  # speed
WORST = 0.75  # mean distance on the path, in deviations, above which the two are too unlike to be trusted


def sentence(name: str) -> str:
    """What is said in a GRID clip, by its name: "bbaf2n" -> "bin blue at F two now"."""
    command, colour, preposition, letter, digit, adverb = list(name)
    return " ".join(
        [
            _COMMAND[command],
            _COLOUR[colour],
            _PREPOSITION[preposition],
            _LETTER.get(letter, letter.upper()),
            _DIGIT[digit],
            _ADVERB[adverb],
        ]
    )


def _features(samples: np.ndarray) -> np.ndarray:
    """(n,) -> (T, 2 * GROUPS): smoothed bands and their change, both free of the voice's own colour."""
    mel = mel_spectrogram(samples)
    bands = normalise(mel, LevelMeter().update(mel)).reshape(GROUPS, BANDS // GROUPS, -1).mean(1).T
    bands = np.maximum(bands, -2.5)
    slope = np.gradient(bands, axis=0) * 2
    return np.concatenate([bands, slope], 1)


def align(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, float]:
    """Features (Ta, k), (Tb, k) -> for each row of b the row of a that it fits (Tb,), and the mean distance."""
    distance = np.sqrt(((a[:, None] - b[None]) ** 2).mean(2))
    rows, columns = distance.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for d in range(rows + columns - 1):  # along the diagonals, each at once
        i = np.arange(max(0, d - columns + 1), min(rows, d + 1))
        j = d - i
        best = np.minimum(total[i, j], np.minimum(total[i, j + 1], total[i + 1, j]) + STEP * distance[i, j])
        total[i + 1, j + 1] = best + distance[i, j]
    path = []
    i, j = rows, columns
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        before = (total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
        move = int(np.argmin(before))
        i, j = i - (move != 2), j - (move != 1)
    steps = np.array(path[::-1])
    fits = np.bincount(steps[:, 1], steps[:, 0], columns) / np.maximum(1, np.bincount(steps[:, 1], minlength=columns))
    return fits, float(distance[steps[:, 0], steps[:, 1]].mean())


def carry(clip: Clip, samples: np.ndarray) -> tuple[np.ndarray, float]:
    """The mouth of `clip` at the mel columns of `samples`, the same sentence: (k, T) float32, and their distance."""
    fits, distance = align(_features(clip.samples), _features(samples))
    smooth = np.convolve(np.pad(fits, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    old = np.arange(clip.track.shape[1])
    return np.stack([np.interp(smooth, old, row) for row in clip.track]).astype(np.float32), distance


def utterances(
    real: list[Clip], rng: random.Random, engine: str | None = None, timbres: tuple[str, ...] = TIMBRES
) -> Iterator[tuple[Clip, tuple[Phoneme, ...]]]:
    """Each clip in the voice of someone else with its phonemes, where the two sentences can be aligned."""
    for clip in real:
        voice = choose("en", rng, engine, timbres)
        sound, phonemes = say(sentence(clip.name), "en", voice, rng.uniform(SLOWEST, FASTEST))
        samples = np.pad(sound, round(PAUSE * RATE))
        track, distance = carry(clip, samples)
        if distance < WORST:
            later = tuple(Phoneme(p.symbol, p.start + PAUSE, p.end + PAUSE) for p in phonemes)
            yield Clip(clip.name, samples, track), later


def clips(real: list[Clip], seed: int) -> list[Clip]:
    """Each clip in the voice of someone else."""
    return [clip for clip, _ in utterances(real, random.Random(seed))]  # noqa: S311
