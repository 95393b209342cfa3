"""How live a session is: pushed sound to its frame, clear to silence, and what idle faces cost.

    python -m benchmarks.live [--seconds 10] [--size 512]

Blocks of 20 ms are pushed when they would come from a microphone. Run on a machine that does nothing else.
"""

import argparse
import resource
import threading
import time
from statistics import median

import numpy as np

from lipsync_core import Avatar, LiveSession, Studio
from lipsync_core.core.timeline import SAMPLE_RATE, resampled
from lipsync_core.speech import speak

VOICE = "espeak:en-us"
TEXT = "The morning train was late again, so we all walked to town. She found an old map of the coast. "
BLOCK = 960  # samples, 20 ms


def speech(seconds: float) -> np.ndarray:
    """(n,) float32 at SAMPLE_RATE."""
    pieces = [resampled(one.samples, one.sample_rate) for one in speak(TEXT * 10, voice=VOICE)]
    return np.concatenate(pieces)[: round(seconds * SAMPLE_RATE)]


def push_in_real_time(session: LiveSession, sound: np.ndarray, begun: list[float]) -> None:
    """As a microphone would; begun gets the time at which the first block was there."""
    start = time.monotonic()
    for number, first in enumerate(range(0, len(sound), BLOCK), 1):
        time.sleep(max(0.0, start + number * BLOCK / SAMPLE_RATE - time.monotonic()))
        session.push(sound[first : first + BLOCK], SAMPLE_RATE)
        if number == 1:
            begun.append(start)
    session.flush()


def push_latencies(studio: Studio, avatar: Avatar, seconds: float) -> tuple[list[float], float, int]:
    """For each frame of speech, seconds from when its first sample was spoken to when it is seen; and the model's
    look-ahead; and how many frames were not drawn in time."""
    with studio.live(avatar=avatar) as session:
        next(session)
        begun: list[float] = []
        thread = threading.Thread(target=push_in_real_time, args=(session, speech(seconds), begun))
        thread.start()
        latencies, start = [], None
        for frame in session:
            now = time.monotonic()
            for event in frame.events:
                if event.kind == "started":
                    start = event.time
            if start is not None and session.state == "speaking":
                latencies.append(now - begun[0] - (frame.time - start))
            if any(event.kind == "finished" for event in frame.events):
                break
        thread.join()
        return latencies, session.look_ahead, session.skipped


def clear_latency(studio: Studio, avatar: Avatar) -> float:
    """Seconds from `clear` to the last sample that is heard."""
    with studio.live(avatar=avatar, voice=VOICE) as session:
        next(session)
        session.say(TEXT)
        for frame in session:
            if frame.time > 1.5:
                break
        time.sleep(0.02 * np.random.default_rng().random())
        asked, seen = time.monotonic(), time.monotonic()
        left = 1 / float(session.fps)  # of the frame that is being heard
        session.clear()
        frame = next(session)
        heard = np.flatnonzero(frame.audio)
        rest = (heard[-1] + 1) / SAMPLE_RATE if len(heard) else 0.0
        return max(0.0, time.monotonic() - seen) + rest if rest else left - (asked - seen)


def idle_cost(studio: Studio, avatar: Avatar, sessions: int, seconds: float) -> float:
    """Cores that some idle faces use together."""
    opened = [studio.live(avatar=avatar, seed=seed) for seed in range(sessions)]

    def take(session: LiveSession) -> None:
        for frame in session:
            if frame.time > seconds:
                return

    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    threads = [threading.Thread(target=take, args=(session,)) for session in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after, elapsed = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
    for session in opened:
        session.close()
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    studio = Studio()
    avatar = studio.avatar(size=options.size)
    studio.warm_up(avatar=avatar, voice=VOICE)
    latencies, look_ahead, skipped = push_latencies(studio, avatar, options.seconds)
    worst = float(np.percentile(latencies, 95))
    print(f"pushed sound to its frame: {median(latencies) * 1000:.0f} ms median, {worst * 1000:.0f} ms p95;"
          f" the model's look-ahead is {look_ahead * 1000:.0f} ms; {skipped} frames not drawn in time")  # fmt: skip
    clears = [clear_latency(studio, avatar) for _ in range(7)]
    print(f"clear to silence: {median(clears) * 1000:.0f} ms median, {max(clears) * 1000:.0f} ms at most")
    print(f"4 idle faces: {idle_cost(studio, avatar, 4, options.seconds):.2f} cores")


if __name__ == "__main__":
    main()
