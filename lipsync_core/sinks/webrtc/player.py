"""Fills a Reel: with an idle face, and with speech where there is something to say."""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable

import cv2
import numpy as np

from lipsync_core.core.studio import Studio
from lipsync_core.core.take import Take
from lipsync_core.errors import LimitExceeded, LipsyncError
from lipsync_core.frame import Frame
from lipsync_core.sinks.webrtc.agenda import Agenda
from lipsync_core.sinks.webrtc.reel import Reel
from lipsync_core.sinks.webrtc.voicing import Text, Voicing
from lipsync_core.speech import speak

AHEAD = 6  # frames that wait in the reel
FIRST = 8  # index at which speech begins at the earliest: a browser needs a moment until it plays all that it gets
LEAD, MOST_LEAD = 3, 25  # frames from the one that is played to the first one of a speech that is yet to be drawn
SLACK = 2  # frames before it is played at which a frame of speech should be in the reel
EASE, FEWEST = 3, 2  # frames, 120 ms, in which the mouth closes after an interruption; or 2, where the first is late
BATCH = 4  # frames that are drawn at once: sound comes with its pictures, so it must not wait for many
WAIT = 0.04  # seconds after which the thread looks around, if nothing wakes it
MOST_TEXTS = 32  # that may wait

log = logging.getLogger(__name__)


def i420(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> (H * 3 / 2, W) uint8: Y, U and V, in the colours of BT.601 that receivers assume."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420))


def pcm(samples: np.ndarray) -> np.ndarray:
    """float32, -1..1 -> int16."""
    return (np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype(np.int16)


class Coming:
    """A text that is spoken already, but drawn only when its turn comes."""

    def __init__(self, text: Text, place: Callable[[int], int]) -> None:
        self.text = text
        self.take: Take | None = None
        self.turn = threading.Event()
        self.dropped = False
        self._place = place

    def place(self, index: int) -> int:
        """For the thread that draws; see Player._place."""
        self.turn.wait()
        return self._place(index)

    def stop(self) -> None:
        """It is not to be said."""
        if self.take is not None:
            self.take.stop()
        self.turn.set()


class Player:
    """One thread that keeps `reel` filled until `close`.

    Index and time of the idle face go on in the takes that speak, so that nothing jumps between them. Where a frame
    of speech comes too late for its place, the rest of the stream moves back by `_shift` frames: sound has gaps only
    where there was nothing to play.
    """

    def __init__(self, studio: Studio, voicing: Voicing, agenda: Agenda) -> None:
        """Raises LipsyncError for a model or a rate that there is not. Blocks while the face is prepared."""
        self._studio, self._voicing, self._agenda = studio, voicing, agenda
        self._idle: Take | None = self._open_idle(0)
        self._idle_next = 0  # index of the idle take's next frame, on its own clock
        self.fps, self.size = self._idle.fps, self._idle.size
        self._wake = threading.Event()
        self.reel = Reel(self.fps, self._wake.set)
        self._texts: deque[Text] = deque()
        self._count = 0
        self._speech: Take | None = None
        self._text: Text | None = None
        self._coming: Coming | None = None
        self._held: Frame | None = None  # of the speech
        self._talking = False  # a frame of the speech is in the reel
        self._told = 0  # sentences
        self._retired: list[Take] = []
        self._shift = 0
        self._free = 0  # index after the last frame of speech
        self._lead = LEAD
        self._last: np.ndarray | None = None  # picture that was put last, and the image it was made of
        self._image: np.ndarray | None = None
        self._lock = threading.Lock()  # of what `say` and `interrupt` change
        self._cut = self._closed = False
        self._thread = threading.Thread(target=self._run, name="webrtc player", daemon=True)
        self._thread.start()

    @property
    def speaking(self) -> bool:
        """Whether a text is being said or waits."""
        coming = self._coming is not None and not self._coming.dropped
        return bool(self._texts) or self._text is not None or coming or self._free > self.reel.next

    def say(self, text: str, language: str | None = None, voice: str | None = None, speed: float = 1.0) -> int:
        """Say a text after those before it; its number. Raises LipsyncError as `speak` does."""
        speak(text, language, voice, speed).close()
        with self._lock:
            if len(self._texts) >= MOST_TEXTS:
                raise LimitExceeded("{most} texts wait to be said already; wait, or interrupt them.", most=MOST_TEXTS)
            self._count += 1
            self._texts.append(Text(self._count, text, language, voice, speed))
            number = self._count
        self._wake.set()
        return number

    def interrupt(self) -> bool:
        """Stop speaking and forget what waits; whether there was anything."""
        with self._lock:
            if not self.speaking:
                return False
            now = float(self.reel.next / self.fps)
            told = self._agenda.clear()
            begun = [event["say"] for event in told if event["event"] == "finished"]  # all frames are in the reel
            if self._text is not None and self._talking:
                begun.append(self._text.number)
            elif self._text is not None:
                self._texts.appendleft(self._text)
            if self._coming is not None and not self._coming.dropped:
                self._texts.append(self._coming.text)
                self._coming.dropped = True
            unheard = [event["say"] for event in told if event["event"] == "started"]
            waiting = sorted({text.number for text in self._texts} | set(unheard))
            heard = next((number for number in begun if number not in unheard), None)
            self._texts.clear()
            self._agenda.add("interrupted", now, say=heard, dropped=waiting)
            self._cut, self._text, self._free = True, None, 0
            self.reel.hush()
        self._wake.set()
        return True

    def close(self) -> None:
        """End the thread and all takes, and let go of what was made and of the avatar; waits for it."""
        if self._closed:
            return
        self._closed = True
        for take in (self._speech, self._idle, *self._retired):
            if take is not None:
                take.stop()
        coming = self._coming
        if coming is not None:
            coming.stop()
        self._wake.set()
        self._thread.join()
        # What a connection leaves is not freed before the garbage is collected: no picture and no open file shall wait.
        self._speech = self._idle = self._held = self._last = self._image = None
        self._retired.clear()
        self.reel.cut(0)
        del self._voicing

    def _run(self) -> None:
        try:
            while not self._closed:
                self._step()
        except Exception as error:
            log.exception("A stream ended")
            kind, detail = (error.kind, error.message) if isinstance(error, LipsyncError) else ("", "internal error")
            self._agenda.add("error", 0.0, kind=kind, detail=detail)
        finally:
            self._let_go()
            for take in (self._speech, self._idle, *self._retired):
                if take is not None:
                    take.close()

    def _step(self) -> None:
        """Put one frame, or wait."""
        if self._cut:
            self._ease()
            return
        if self._speech is None:
            self._open_speech()
        elif self._talking and self._coming is None and self._texts:
            self._prepare()
        room = self.reel.end - self.reel.next < AHEAD
        speech, held = self._speech, self._held
        if speech is not None and (self._talking or held is not None):
            speech.skip_to(self.reel.next + self._lead - 1 - self._shift)
        if speech is not None and held is None and speech.ready and (room or not self._talking):
            self._hold(speech)
        elif speech is not None and held is not None and held.index + self._shift <= self._within_reach():
            self._speak(speech, held)
        elif room and (speech is None or held is not None or self._pausing(speech)) and self._living():
            self._live()
        else:
            if self._retired and not room:
                self._retired.pop().close()
            self._wake.wait(WAIT)
            self._wake.clear()

    # What is said

    def _open_speech(self) -> None:
        """Begin with the next text, which may be prepared already."""
        if self._coming is None:
            self._prepare()
        with self._lock:
            coming = self._coming
            if coming is None or self._cut:
                return
            self._coming = None
            self._text, self._speech, coming.take = coming.text, coming.take, None
        self._talking, self._told = False, 0
        coming.turn.set()

    def _prepare(self) -> None:
        """Let the next text be spoken, so that no pause comes after the one before; it is drawn when its turn comes."""
        with self._lock:
            if self._cut or not self._texts:
                return
            text = self._texts.popleft()
            coming = self._coming = Coming(text, self._place)
        voicing = self._voicing
        try:
            coming.take = self._studio.take(
                text.text, language=text.language, voice=text.voice, speed=text.speed, avatar=voicing.avatar,
                model=voicing.model, fps=voicing.fps, seed=voicing.seed, idle=voicing.idle,
                batch_size=voicing.batch_size or BATCH, start=coming.place, queue_frames=voicing.queue_frames,
            )  # fmt: skip
        except LipsyncError as error:  # such as a voice whose file was deleted after `say`
            self._agenda.add(
                "error", self._seconds(self.reel.end), say=text.number, kind=error.kind, detail=error.message
            )
            self._coming = None

    def _let_go(self) -> None:
        """Forget the text that is prepared."""
        with self._lock:
            coming, self._coming = self._coming, None
        if coming is not None and coming.take is not None:
            coming.stop()
            self._retired.append(coming.take)
            coming.take = None

    def _place(self, index: int) -> int:
        """Where a sentence can begin that is to be drawn now; called by the thread that draws.

        One that follows without a gap stays there as long as its sound is in time: pictures can be left out.
        """
        soonest = max(self._free, FIRST) - self._shift
        if index >= max(soonest, self.reel.next + SLACK - self._shift):
            return index
        return max(soonest, self.reel.next + self._lead - self._shift)

    def _within_reach(self) -> int:
        """Up to which index a frame of speech goes into the reel: its end, or what is due soon, whatever is missing."""
        return max(self.reel.end, self.reel.next + SLACK)

    def _hold(self, speech: Take) -> None:
        """Take the next frame of speech, which waits until its place in the reel comes."""
        try:
            self._held = next(speech, None)
        except LipsyncError as error:
            self._agenda.add(
                "error", self._seconds(self.reel.end), say=self._number, kind=error.kind, detail=error.message
            )
        if self._held is None:
            self._finish(speech)

    def _speak(self, speech: Take, frame: Frame) -> None:
        index, ahead = frame.index + self._shift, self.reel.next
        if index < ahead:  # too late
            self._shift += ahead - index
            self._lead = min(MOST_LEAD, 2 * self._lead)
            index = ahead
        self._held = None
        self._put(frame, index, spoken=True)
        if not self._talking:
            self._talking = True
            self._retire_idle()
            self._tell("started", index)
        self._tell_words(speech, frame.index)

    def _put(self, frame: Frame, index: int, spoken: bool = False) -> None:
        picture, sound = i420(frame.image) if frame.image is not self._image else self._last, pcm(frame.audio)
        assert picture is not None
        with self._lock:
            if not self._cut:
                self.reel.put(index, picture, sound)
                self._last, self._image = picture, frame.image
                if spoken:
                    self._free = index + 1

    def _finish(self, speech: Take) -> None:
        speech.close()
        with self._lock:
            if self._cut:
                return
            self._tell("finished", self.reel.end)
            self._speech, self._text = None, None
        self._talking = False
        self._lead = max(LEAD, self._lead * 3 // 4)

    @property
    def _number(self) -> int | None:
        text = self._text
        return text.number if text else None

    def _tell(self, event: str, index: int) -> None:
        if not self._cut:
            self._agenda.add(event, self._seconds(index), say=self._number)

    def _tell_words(self, speech: Take, index: int) -> None:
        """Announce the sentences that have begun by the frame of this index."""
        back = self._seconds(self._shift)
        with self._lock:
            while not self._cut and self._told < len(speech.said):
                said = speech.said[self._told]
                if said.start > (index + 1) / self.fps:
                    break
                self._told += 1
                number, span = self._number, list(said.span)
                end = round(said.end + back, 3)
                self._agenda.add("sentence", said.start + back, say=number, text=said.text, span=span, end=end)
                for word in said.words:
                    end = round(word.end + back, 3)
                    self._agenda.add("word", word.start + back, say=number, text=word.text, end=end)

    def _seconds(self, index: int) -> float:
        return float(index / self.fps)

    # What goes on meanwhile

    def _open_idle(self, index: int) -> Take:
        voicing = self._voicing
        return self._studio.idle(
            voicing.avatar, model=voicing.model, fps=voicing.fps, seed=voicing.seed, idle=voicing.idle, start=index
        )

    def _idle_frame(self, index: int) -> Frame | None:
        """The idle face at an index of its own clock; None at the end of all."""
        if self._idle is None or self._idle_next > index:
            self._retire_idle()
            self._idle, self._idle_next = self._open_idle(index), index
        frame: Frame | None = None
        while self._idle_next <= index:
            frame = next(self._idle, None)
            if frame is None:
                return None
            self._idle_next = frame.index + 1
        return frame

    def _retire_idle(self) -> None:
        if self._idle is not None:
            self._idle.stop()
            self._retired.append(self._idle)
            self._idle = None

    def _living(self) -> bool:
        """Whether the idle face's next frame is there; it is on its way then."""
        index = self.reel.end - self._shift
        if self._idle is None or self._idle_next > index:
            self._retire_idle()
            self._idle, self._idle_next = self._open_idle(index), index
        self._idle.skip_to(self.reel.next + 1 - self._shift)
        return self._idle.ready

    def _live(self) -> None:
        """Put one frame of the idle face."""
        index = self.reel.end
        frame = self._idle_frame(index - self._shift)
        if frame is not None:
            if index < self.reel.next:  # drawn too slowly: leave speech more time
                self._lead = min(MOST_LEAD, 2 * self._lead)
            self._put(frame, max(index, self.reel.next))

    def _pausing(self, speech: Take) -> bool:
        """Whether the speech is before its first frame, or between two sentences of which the later is not there."""
        if not self._talking:
            return True
        return bool(speech.said) and self.reel.end - self._shift >= math.floor(speech.said[-1].end * self.fps)

    def _ease(self) -> None:
        """Close the mouth after an interruption: speech becomes the idle face of the same moments."""
        if self._speech is not None:
            self._speech.stop()
            self._retired.append(self._speech)
            self._speech = self._held = None
        self._let_go()
        index, shown, first = self.reel.next + 1, self._last, -1
        end = self.reel.next + 1 + EASE
        while index < end and not self._closed:
            frame = self._idle_frame(index - self._shift)
            if frame is None:
                break
            if index >= self.reel.next:  # else it came too late
                first = index if first < 0 else first
                end = max(end, first + FEWEST)
                share = (index - first + 1) / (end - first + 1)
                there = self.reel.peek(index)
                shown, rest = shown if there is None else there, i420(frame.image)
                picture = rest if shown is None else np.asarray(cv2.addWeighted(shown, 1 - share, rest, share, 0))
                if there is not None:
                    self.reel.swap(index, picture)
                else:
                    self.reel.put(index, picture, pcm(np.zeros_like(frame.audio)))
            elif index == end - 1:
                end += 1
            index += 1
        self.reel.cut(max(self.reel.next, index))
        self._talking, self._free = False, 0
        with self._lock:
            self._cut = False
