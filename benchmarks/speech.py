"""How fast and how even speech is: `python -m benchmarks.speech` from the folder of the program.

For each voice: milliseconds from a sentence of 12 words to the first Speech (median of 15, warm), seconds of speech
made a second, and the spread of the loudness of ten sentences in LU (standard deviation).
"""

import statistics
import sys
import time

import numpy as np

from lipsync_core.audio.loudness import measure
from lipsync_core.speech import Speech, speak, voices, warm_up

SENTENCE = "The quick brown fox jumps over the lazy dog near the river."
SENTENCES = (
    SENTENCE,
    "Peter Piper picked a peck of pickled peppers.",
    "She sells sea shells by the sea shore!",
    "Is it what we wanted?",
    "Big black dogs bark at the moon.",
    "What a wonderful day!",
    "I do not know why the committee refused to answer the question that was asked in March.",
    "No!",
    "Well, I suppose that you might be right about that one thing.",
    "Somebody hummed a low and lonely tune.",
)
ROUNDS = 15


def first_speech_ms(voice: str) -> float:
    """Median over ROUNDS."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        next(speak(SENTENCE, voice=voice))
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def realtime_factor(voice: str) -> float:
    """Seconds of speech made a second, over the sentences three times."""
    start = time.perf_counter()
    seconds = sum(speech.duration for speech in speak(" ".join(SENTENCES * 3), voice=voice))
    return seconds / (time.perf_counter() - start)


def loudness_spread(voice: str) -> float:
    """Standard deviation over the sentences in LU, each spoken as the first of its text."""
    return float(np.std([measure(joined(list(speak(text, voice=voice))), 22050) for text in SENTENCES]))


def joined(speeches: list[Speech]) -> np.ndarray:
    """The samples of all of them, (n,) float32."""
    return np.concatenate([speech.samples for speech in speeches])


def main(names: list[str]) -> None:
    """Print one line a voice; by default, of the best English voice of each engine."""
    for name in names or [next(v.id for v in voices("en-US") if v.engine == engine) for engine in ("piper", "espeak")]:
        warm_up(name)
        print(
            f"{name}: first Speech {first_speech_ms(name):.0f} ms, {realtime_factor(name):.1f} x real time, "
            f"loudness within {loudness_spread(name):.1f} LU"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
