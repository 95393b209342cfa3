"""Where speech is placed on a live session's timeline, and what is drawn when. The session's lock guards it."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.core.options import TakeOptions
from lipsync_core.core.take import Performance
from lipsync_core.core.timeline import SAMPLE_RATE, Timeline
from lipsync_core.live.clock import Clock
from lipsync_core.live.frame_buffer import FrameBuffer
from lipsync_core.live.queue_items import PushedItem, QueueItem, SoundPiece
from lipsync_core.models import Life, MelChunks
from lipsync_core.settings import settings

IDLE_AHEAD = 3  # frames of an idle face that are drawn before they are due: it may have to speak at any moment
LARGEST_BATCH = 8  # frames: what is drawn may be discarded, and sound must not wait for it
AHEAD_SECONDS = 20.0  # of sound that is placed before it is heard, at most
STALLED_SECONDS = 0.25  # without a block, after which what was pushed is said without what should have followed
EASE_SECONDS = 0.2  # in which a mouth closes after its sound has ended
MOST_JITTER = 0.2  # seconds that blocks may come apart, without that a frame has to be drawn before the next one
SLACK = 0.01  # seconds before it is due at which a frame is to be drawn


@dataclass(frozen=True)
class FrameBatch:
    """Frames to be drawn at once, outside the lock."""

    performance: Performance
    mel: MelChunks
    frames: range
    generation: int

    def images(self) -> Iterator[tuple[int, np.ndarray]]:
        """Index and (H, W, 3) uint8 RGB of each, as they are drawn."""
        return zip(self.frames, self.performance.render(self.mel, self.frames), strict=True)


class Drawing:
    """The timeline of a session and the pictures that are drawn of it.

    spoken: whether anything was placed. speech_frames: first index and index after the last one of the speech that was
    placed last, without a gap. speech_end: sample after it. worked: seconds that pictures have taken so far.
    """

    def __init__(
        self,
        performance: Performance,
        options: TakeOptions,
        clock: Clock,
        wait_for_speech: bool,
        delay: float,
        lead_in: float,
    ) -> None:
        self.buffer = FrameBuffer()
        self.spoken = False
        self.speech_frames = (0, 0)
        self.speech_end = 0
        self.worked = 0.0
        self._performance, self._clock = performance, clock
        self._fps = performance.fps
        self._ahead = options.queue_frames or settings().queue_frames
        self._largest = options.batch_size or LARGEST_BATCH
        self._wait_for_speech, self._delay = wait_for_speech, delay
        self._lead_in = math.ceil(lead_in * self._fps)  # frames
        self._meter = LevelMeter()
        self.timeline = Timeline(self._fps, performance.model.columns, meter=self._meter)
        self._held: list[SoundPiece] = []  # come, and not placed
        self._arrived = 0.0
        self._open = False  # more sound follows what was placed last, without a pause
        self._within: QueueItem | None = None  # whose sound was placed last, and not finished
        self._cut_until = -1  # index before which nothing is placed: the mouth closes first
        self._began = self._put = 0.0  # when the last batch was begun, and when the last picture was there
        self._seconds = 0.02  # that a batch takes until its first frame is drawn
        self._each = 0.02  # that a frame takes, of all that are drawn at once

    def set_life(self, options: TakeOptions) -> None:
        """Blinks and sway from now on."""
        life = Life(options.seed, options.idle)
        if life != self._performance.life:
            self._performance = replace(self._performance, life=life)

    # Sound

    @property
    def holds(self) -> bool:
        """Whether something has come that is not placed yet."""
        return bool(self._held)

    def has_room(self, index: int) -> bool:
        """Whether more sound is wanted, when the frame of this index is taken next."""
        return self.timeline.end - self.timeline.sample(index) < AHEAD_SECONDS * SAMPLE_RATE

    def hold(self, piece: SoundPiece, utterance: QueueItem) -> None:
        """Take a piece, which is to follow what came before it."""
        self._held.append(piece)
        self._arrived = time.monotonic()

    def place(self, index: int, utterance: QueueItem) -> list[tuple[SoundPiece, float]] | None:
        """Put what was held on the timeline, each piece with its beginning in seconds; None where it has to wait.

        index: of the frame that is taken next.
        """
        if not self._held:
            return None
        following = self._within is utterance and self.timeline.end >= self.timeline.sample(index)
        if not following and not self._enough(utterance):
            return None
        if not following:
            self._go_on(index)
        placed = []
        first = self.timeline.end
        for piece in self._held:
            placed.append((piece, self.timeline.end / SAMPLE_RATE))
            self.timeline.add(piece.samples, piece.phonemes, measure=piece.speech is not None)
        self._open = self._held[-1].joined
        self._held.clear()
        self._within, self.spoken = utterance, True
        self.speech_end = self.timeline.end
        self.buffer.discard(self._frame(first))  # drawn as if silence were to follow
        begin = self.speech_frames[0] if self.speech_frames[1] >= self._frame(first) else self._frame(first)
        self.speech_frames = begin, self.timeline.end_frame
        return placed

    def _frame(self, sample: int) -> int:
        return math.floor(sample * self._fps / SAMPLE_RATE + 1e-6)

    def _enough(self, utterance: QueueItem) -> bool:
        """Whether the first frame of what is held can be drawn, or will never know more."""
        last = self._held[-1]
        if not last.joined or utterance.ended:
            return True
        seconds = sum(len(piece.samples) for piece in self._held) / SAMPLE_RATE
        if not isinstance(utterance, PushedItem):
            return seconds >= self.timeline.look_ahead
        needed = self.timeline.look_ahead + min(MOST_JITTER, utterance.longest_block)
        return seconds >= needed or time.monotonic() - self._arrived > STALLED_SECONDS

    def _go_on(self, index: int) -> None:
        """Let the timeline end where speech can begin: after that before it, and as soon as it can be drawn."""
        end = self.timeline.end_frame
        soonest = index
        if self._clock.running:
            while self._clock.until(soonest) < max(self._delay, 1.5 * self._seconds + SLACK):
                soonest += 1
        elif not self._wait_for_speech:  # it starts with an idle frame, and this may be there before it
            soonest += math.ceil(self._delay * self._fps)
        start = max(end, soonest, self._cut_until, self._lead_in)
        self.timeline.restart(start)
        self._cut_until = -1

    def finish(self) -> int:
        """The utterance that was placed last has ended; the sample after it."""
        end = self.speech_end
        self.timeline.pad(self.timeline.end_frame + 2)  # so that all of its mel columns come
        self._open, self._within = False, None
        return end

    def cut(self, index: int, fade: int) -> None:
        """Silence from the frame of this index on, and the mouth closes."""
        self._held.clear()
        self._open, self._within = False, None
        begin, end = self.speech_frames
        speaking = begin <= index < end
        self.timeline.cut(self.timeline.sample(index), fade if speaking else 0)
        if speaking:
            self.speech_frames = begin, index + 1
            self._cut_until = index + 1 + math.ceil(EASE_SECONDS * self._fps)
        elif index < begin:
            self.speech_frames = index, index
        self.speech_end = min(self.speech_end, self.timeline.end)
        self.buffer.discard(index + 1)

    def missed(self, index: int) -> bool:
        """Whether the clip shows no face in a frame."""
        return bool(self._performance.missed(range(index, index + 1))[0])

    def seen(self, index: int) -> None:
        """The frame of this index is taken next; what is needed for none from the one before it on is let go."""
        self.timeline.drop(index - 1)

    # Pictures

    def _soonest(self, index: int) -> int:
        """The first frame that can still be drawn in time."""
        soonest = max(index, self.buffer.end)
        # Late: what could not be ready is left out, unless nobody takes frames.
        while self._clock.until(soonest) < self._each and soonest - index <= self._ahead:
            soonest += 1
        return soonest

    def choose(self, index: int) -> FrameBatch | None:
        """What to draw now, with the frame of this index taken next; None where nothing can be drawn yet."""
        if self._wait_for_speech and not self.spoken:
            return None
        first, start = max(index, self.buffer.end), self._soonest(index)
        if first - index > max(IDLE_AHEAD, self._ahead - min(self._largest, self._ahead // 2)):
            return None  # wait for room for a batch, which costs half of what its frames do one by one
        size = self._largest if start - index >= self._largest else max(1, start - index)
        size = max(1, int(min(size, self._clock.until(start) / self._each)))  # all of them in time for the first one
        stop = start
        while stop - start < size and first + stop - start - index < self._depth(stop) and self._drawable(stop):
            stop += 1
        if stop == start:
            return None
        frames = range(start, stop)
        self.buffer.end = stop
        self._began = self._put = time.monotonic()
        return FrameBatch(self._performance, self.timeline.chunks(frames), frames, self.buffer.generation)

    def _depth(self, index: int) -> int:
        return self._ahead if self.timeline.sample(index) < self.speech_end else IDLE_AHEAD

    def _drawable(self, index: int) -> bool:
        return not self._open or self.timeline.is_known(index) or self._clock.until(index) < self._margin

    @property
    def _margin(self) -> float:
        """Seconds before it is due at which a frame is drawn, whatever is known of what follows."""
        return 2 * self._seconds + SLACK

    def put(self, index: int, image: np.ndarray, batch: FrameBatch) -> bool:
        """Add a picture; False where it, and those after it, are not wanted any more."""
        now = time.monotonic()
        self.worked, self._put = self.worked + now - self._put, now
        if index == batch.frames.start:
            self._seconds = 0.8 * self._seconds + 0.2 * min(1.0, now - self._began)
        if index == batch.frames.stop - 1:
            self._each = 0.8 * self._each + 0.2 * min(1.0, (now - self._began) / len(batch.frames))
        return self.buffer.put(index, image, batch.generation)

    def patience(self, index: int) -> float | None:
        """Seconds after which to look again, if nothing else happens; None for ever."""
        if not self._clock.running:
            return 0.05 if self._held else None
        if self._open or self._held:
            return max(0.002, min(0.05, self._clock.until(self._soonest(index)) - self._margin))
        return None
