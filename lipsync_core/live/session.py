"""A face that is there until it is closed: what it says is put on one clock, drawn ahead of it, and seen when due."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_core.core.options import TakeOptions
from lipsync_core.core.timeline import SAMPLE_RATE
from lipsync_core.errors import LipsyncError
from lipsync_core.frame import Frame
from lipsync_core.live.clock import Clock
from lipsync_core.live.drawing import EASE_SECONDS, Drawing
from lipsync_core.live.events import EventQueue
from lipsync_core.live.queue_items import PushedItem, QueueItem, SpeechItem, mono
from lipsync_core.speech import read_recording, speak
from lipsync_core.speech.recording import Source

if TYPE_CHECKING:
    from lipsync_core.core.studio import Studio

FADE = 480  # samples, 10 ms, in which a voice that is interrupted falls silent
MOST_WAITING = 32  # texts, recordings and streams
HEARD_SECONDS = 0.6  # after the last sound of the other person, they have stopped speaking
HEARD_LEVEL = 0.01  # of full scale, root mean square, above which sound is taken for speech

log = logging.getLogger(__name__)


class State(StrEnum):
    """What a session does at the frame that is seen; docs/live.md has the diagram."""

    IDLE = "idle"
    LISTENING = "listening"
    PREPARING = "preparing"
    SPEAKING = "speaking"
    EASING = "easing"
    CLOSED = "closed"


_REST = {State.IDLE, State.LISTENING, State.PREPARING}
TRANSITIONS = {
    State.IDLE: {State.LISTENING, State.PREPARING, State.SPEAKING, State.CLOSED},
    State.LISTENING: {State.IDLE, State.PREPARING, State.SPEAKING, State.CLOSED},
    State.PREPARING: {State.IDLE, State.LISTENING, State.SPEAKING, State.CLOSED},
    State.SPEAKING: {State.EASING, State.CLOSED},
    State.EASING: {*_REST, State.SPEAKING, State.CLOSED},
    State.CLOSED: set(),
}


class LiveSession:
    """An iterator of Frames that come when they are due, and a context manager; made by `Studio.live`.

    Any thread may call any method; frames are for one consumer. Whoever stops taking frames stops the clock. Where
    drawing is too slow, frames repeat the picture before them; their sound is never late for that.

    options: as they are now. avatar, model: what is used; voice: for the last text. fps: frames a second, exactly.
    size: height and width. sample_rate: of the frames' sound. state: at the frame that was taken last. error: why the
    session has failed. skipped: frames that show a picture before theirs, which was not drawn in time. missed_faces:
    among the frames taken so far, those in which the clip shows no face.
    """

    def __init__(
        self,
        studio: "Studio",
        options: TakeOptions,
        *,
        wait_for_speech: bool = False,
        delay: float = 0.0,
        lead_in: float = 0.0,
        closed: Callable[[BaseException | None], object] = lambda error: None,
    ) -> None:
        """options: a text or a recording among them is said first. Raises LipsyncError as `say` does.

        wait_for_speech: the clock starts with the first thing that is said, whose first frame is number 0.

        delay: seconds at least from the moment in which speech can be drawn to its first frame, so that its sound can
        be sent ahead. lead_in: seconds from the first frame on in which nothing is said. closed: is called once, from
        the session's thread, when the session has ended, with what failed.
        """
        performance = studio.performance(options)
        self.options, self.avatar, self.model = options.silent(), performance.avatar, performance.name
        self.voice = ""
        self.fps, self.size, self.sample_rate = performance.fps, performance.avatar.size, SAMPLE_RATE
        self.state = State.IDLE
        self.error: BaseException | None = None
        self.skipped = self.missed_faces = self.spoken_characters = 0
        self._lock = threading.Condition()
        self._clock = Clock(self.fps)
        self._drawing = Drawing(performance, options, self._clock, wait_for_speech, delay, lead_in)
        self._events = EventQueue()
        self._waiting: deque[QueueItem] = deque()  # what is not entirely placed yet
        self._placed: deque[QueueItem] = deque()  # and what is not entirely heard
        self._count = 0
        self._next = 0  # index of the frame that is taken next
        self._sent = 0  # samples that `sound_ahead` has given
        self._image: np.ndarray | None = None
        self._heard_until = 0.0
        self._wait_for_speech = wait_for_speech
        self._first_error: LipsyncError | None = None
        self._retired: list[QueueItem] = []
        self._synthesised = 0.0  # seconds, of what is retired
        self._on_close = closed
        self._closed = False
        if options.text is not None or options.audio is not None:
            options.check_source()
        if options.text is not None:
            self.say(options.text)
        elif options.audio is not None:
            self.play(options.audio)
        self._thread = threading.Thread(target=self._run, name="live session", daemon=True)
        self._thread.start()

    # What is said

    def say(
        self, text: str, *, language: str | None = None, voice: str | None = None, speed: float | None = None
    ) -> int:
        """Say a text after all before it; its number. What is left out is as in the options.

        Raises LipsyncError as `speak` does, and where too much waits already.
        """
        options = self.options
        if language is None and voice is None:
            language, voice = options.language, options.voice
        rate = options.speed if speed is None else speed
        stream = speak(text, language, voice, rate)  # raises what is wrong with it, and begins with nothing
        self.voice = stream.voice.id
        return self._add(lambda number: SpeechItem(number, lambda: stream, self._wake))

    def play(self, recording: Source) -> int:
        """Play a recording after all before it; its number. What is wrong with it is an event, `error`."""
        return self._add(lambda number: SpeechItem(number, lambda: read_recording(recording), self._wake))

    def push(self, samples: np.ndarray, sample_rate: int) -> int:
        """Say sound as it comes, after all before it, until `flush`; its number.

        samples: (n,) or (n, channels), int16 or float32; a block of any length. sample_rate: in Hz. Its frames follow
        as soon as the model has heard enough; where the next block is late, the face eases into idling and goes on.
        Raises LipsyncError for what is no sound, or too much of it.
        """
        mono(samples[:0])  # a kind of array that cannot be used is refused before anything is begun
        with self._lock:
            last = self._waiting[-1] if self._waiting else None
            if not isinstance(last, PushedItem) or last.flushed:
                self._add(PushedItem)
                last = self._waiting[-1]
            assert isinstance(last, PushedItem)
            last.push(samples, sample_rate)
            self._lock.notify_all()
            return last.number

    def flush(self) -> None:
        """What was pushed is complete; what is pushed from now on is said as something new."""
        with self._lock:
            last = self._waiting[-1] if self._waiting else None
            if isinstance(last, PushedItem):
                last.flush()
                self._lock.notify_all()

    def clear(self) -> bool:
        """Stop speaking, and forget what waits; whether there was anything. Its voice falls silent in 10 ms."""
        with self._lock:
            if not self.speaking or self._closed:
                return False
            now = float(self._next / self.fps)
            said = [*self._placed, *(one for one in self._waiting if one not in self._placed)]
            heard = next((one.number for one in said if one.began is not None and one.began < now), None)
            dropped = [one.number for one in said if one.number != heard]
            self._events.clear()
            self._events.add("interrupted", now, heard, dropped=dropped)
            self._retire(*self._waiting)
            self._waiting.clear()
            self._placed.clear()
            self._drawing.cut(self._next, FADE)
            self._sent = min(self._sent, self._drawing.timeline.sample(self._next))
            self._lock.notify_all()
            return True

    def hear(self, samples: np.ndarray, sample_rate: int) -> None:
        """Sound of the other person, as it comes, to which the face listens. Arguments as of `push`."""
        block = mono(samples)
        if len(block) and float(np.sqrt(np.mean(block * block))) > HEARD_LEVEL:
            self._heard_until = time.monotonic() + HEARD_SECONDS

    def set(self, **changes: Any) -> None:
        """Change options for what comes: those that TakeOptions marks so. Raises LipsyncError for any other."""
        with self._lock:
            self.options = self.options.changed(changes)
            self._drawing.set_life(self.options)
            self._lock.notify_all()

    @property
    def look_ahead(self) -> float:
        """Seconds of sound that a frame's mouth depends on, from the frame's beginning: pushed sound waits for that."""
        return self._drawing.timeline.look_ahead

    @property
    def speaking(self) -> bool:
        """Whether something is being said or waits."""
        return bool(self._waiting or self._placed)

    def _add(self, make: Callable[[int], QueueItem]) -> int:
        with self._lock:
            if self._closed:
                raise LipsyncError("The session has ended; open a new one.")
            if len(self._waiting) >= MOST_WAITING:
                raise LipsyncError("{most} texts wait to be said already; wait, or clear them.", most=MOST_WAITING)
            self._count += 1
            utterance = make(self._count)
            self._waiting.append(utterance)
            self._lock.notify_all()
            return utterance.number

    def _wake(self) -> None:
        with self._lock:
            self._lock.notify_all()

    # What is seen and heard

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """The next frame, when it is due. Raises StopIteration after `close`, and what a session failed of."""
        with self._lock:
            self._begin()
            while not self._closed and (wait := self._clock.until(self._next)) > 0:
                self._lock.wait(wait)
            if self._closed:
                if self.error is not None:
                    raise self.error
                raise StopIteration
            index, self._next = self._next, self._next + 1
            self._clock.hold(index)
            image, own = self._drawing.buffer.take(index)
            self.skipped += not own
            self._image = self._image if image is None else image
            assert self._image is not None
            self.missed_faces += self._drawing.missed(index)
            sound = self._drawing.timeline.sound(index)
            self._drawing.seen(self._next)
            events = self._events.due(float(self._next / self.fps))
            while self._placed and (end := self._placed[0].end) is not None and end <= self._next / self.fps:
                self._placed.popleft()
            self._move(self._state_at(index))
            self._lock.notify_all()
            return Frame(self._image, index, float(index / self.fps), sound, SAMPLE_RATE, events)

    def behind(self) -> float:
        """Seconds by which the next frame is late already; 0 where it is still to come."""
        return max(0.0, -self._clock.until(self._next)) if self._clock.running else 0.0

    def sound_ahead(self, seconds: float) -> tuple[int, np.ndarray]:
        """Sound that has not been given yet, up to so many seconds after the frame that was taken last.

        Returns the sample at which it begins, counted from frame 0, and (n,) float32. After `clear` it may begin
        before the end of what was given: that is not to be heard any more.
        """
        with self._lock:
            timeline = self._drawing.timeline
            now = timeline.sample(self._next)
            end = max(now, min(self._drawing.speech_end, now + round(seconds * SAMPLE_RATE)))
            start = self._sent
            self._sent = max(start, end)
            return start, timeline.samples(start, self._sent)

    @property
    def seconds(self) -> dict[str, float]:
        """What was worked so far, in seconds: `speech`, and `frames`. Both go on at once, so these overlap."""
        with self._lock:
            speech = self._synthesised + sum(one.worked for one in self._waiting)
            return {"speech": speech, "frames": self._drawing.worked}

    def _begin(self) -> None:
        """Wait for the first picture, and start the clock."""
        while not self._clock.running and not self._closed:
            placed = not self._wait_for_speech or self._drawing.spoken
            if placed and 0 in self._drawing.buffer:
                self._clock.start()
                self._lock.notify_all()
                return
            if not placed and self._first_error is not None and not self._waiting:
                raise self._first_error
            self._lock.wait()

    def _state_at(self, index: int) -> State:
        begin, end = self._drawing.speech_frames
        if begin <= index < end:
            return State.SPEAKING
        if index < end + math.ceil(EASE_SECONDS * self.fps) and self.state in (State.SPEAKING, State.EASING):
            return State.EASING
        if index < begin or self._drawing.holds or any(one.expected for one in self._waiting):
            return State.PREPARING
        return State.LISTENING if time.monotonic() < self._heard_until else State.IDLE

    def _move(self, state: State) -> None:
        if state is not self.state:
            assert state in TRANSITIONS[self.state], (self.state, state)
            self.state = state

    # The thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not self._closed:
                self._step()
        except BaseException as failure:
            log.exception("A live session has failed")
            error = failure
        with self._lock:
            self.error = error
            self._closed = True
            self._move(State.CLOSED)
            self._retire(*self._waiting)
            retired, self._retired = self._retired, []
            self._waiting.clear()
            self._placed.clear()
            self._drawing.buffer.discard(0)
            self._lock.notify_all()
        for utterance in retired:
            utterance.close()
        self._on_close(error)

    def _step(self) -> None:
        """Place what has come, and draw a batch, or wait for either to be possible."""
        with self._lock:
            retired, self._retired = self._retired, []
            self._place()
            batch = self._drawing.choose(self._next)
            if batch is None and not retired and not self._closed:
                self._lock.wait(self._drawing.patience(self._next))
        for utterance in retired:
            utterance.close()
        if batch is not None:
            for index, image in batch.images():
                with self._lock:
                    if self._closed or not self._drawing.put(index, image, batch):
                        break
                    self._lock.notify_all()

    def _place(self) -> None:
        """Put sound that has come on the timeline."""
        for utterance in list(self._waiting)[:2]:  # the second one is prepared meanwhile
            if isinstance(utterance, SpeechItem):
                self._attempt(utterance, utterance.open)
        while self._waiting and self._drawing.has_room(self._next):
            utterance = self._waiting[0]
            piece = self._attempt(utterance, utterance.next)
            if piece is not None:
                self._drawing.hold(piece, utterance)
            placed = self._drawing.place(self._next, utterance)
            if placed is not None:
                self._tell(utterance, placed)
            if utterance.ended and not self._drawing.holds:
                self._finish(utterance)
            elif piece is None:
                return

    def _attempt(self, utterance: QueueItem, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except LipsyncError as error:
            self._first_error = self._first_error or error
            time = (self._drawing.speech_end - 1) / SAMPLE_RATE  # with the last frame
            self._events.add("error", max(time, float(self._next / self.fps)), utterance.number, error=error)
            utterance.stop()
            return None

    def _tell(self, utterance: QueueItem, placed: "list[tuple[Any, float]]") -> None:
        """Announce what has got its place: pieces, and the seconds at which they begin."""
        for piece, start in placed:
            if utterance.began is None:
                utterance.began = start
                self._placed.append(utterance)
                self._events.add("started", start, utterance.number)
            speech = piece.speech
            if speech is None or not speech.text:
                continue
            self.spoken_characters = speech.span[1]
            end = round(start + speech.duration, 3)
            self._events.add("sentence", start, utterance.number, text=speech.text, span=list(speech.span), end=end)
            for word in speech.words:
                end = round(start + word.end, 3)
                self._events.add("word", start + word.start, utterance.number, text=word.text, end=end)

    def _finish(self, utterance: QueueItem) -> None:
        self._waiting.popleft()
        self._retire(utterance)
        self._lock.notify_all()
        if utterance.began is not None:
            utterance.end = self._drawing.finish() / SAMPLE_RATE
            self._events.add("finished", utterance.end - 1 / SAMPLE_RATE, utterance.number)  # with the last frame

    def _retire(self, *utterances: QueueItem) -> None:
        for utterance in utterances:
            utterance.stop()
            self._synthesised += utterance.worked
            self._retired.append(utterance)

    # The end

    def stop(self) -> None:
        """Ask the session to end, without waiting for it; `close` does."""
        with self._lock:
            self._closed = True
            self._move(State.CLOSED)
            self._lock.notify_all()

    def close(self) -> None:
        """End the session, and wait until nothing of it is left."""
        self.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> "LiveSession":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
