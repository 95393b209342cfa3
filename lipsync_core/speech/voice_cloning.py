"""Voices that are imitated from a short recording, each with a note of who allowed it."""

import json
import os
import re
import unicodedata
import wave
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from lipsync_core.errors import LipsyncError, Reason
from lipsync_core.settings import settings
from lipsync_core.speech.recording import Source, read_recording

FOLDER = "coqui/samples"  # in the checkpoints folder
SHORTEST, LONGEST = 3.0, 30.0  # seconds that are kept
RATE = 24000  # Hz
QUIET = 0.003  # of full scale
CONSENT = "The person whose voice this is has agreed that it is imitated by this program."

LONGEST_NAME = 40  # characters
NAME_MARKS = " -_'’."  # that a name may have besides letters and digits

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class ClonedVoice:
    """A sample and its note.

    name: by which ids and files know it, ASCII. display_name: as it was given, in any script. consent: what was agreed
    to. who: as they called themselves, or empty. when: ISO 8601.
    """

    name: str
    consent: str
    who: str
    when: str
    display_name: str = ""

    @property
    def path(self) -> Path:
        """The sample, a WAV file; the note lies beside it as NAME.json."""
        return _folder() / f"{self.name}.wav"


def clone_voice(
    recording: Source, name: str, consent: bool = False, who: str = "", replace: bool = False
) -> ClonedVoice:
    """Keep a recording as a voice to be imitated, which engines that can then list among theirs.

    recording: as `read_recording` takes it; its first 30 seconds are kept. name: up to 40 letters of any script,
    digits, spaces and some marks. consent: that the person has agreed to CONSENT; it is written down with the date and
    `who`. replace: whether a voice of that name, and the note of its consent, may be replaced.
    Raises LipsyncError, before the recording is read, without consent, for another name and for one that is taken; and
    for less than three seconds of sound.
    """
    if consent is not True:
        raise LipsyncError(
            'The voice "{name}" is not imitated without consent; ask the person, then give '
            "consent=True (on the command line --consent).",
            name=name[:40],
        )
    display_name = " ".join(name.split())
    name = _identifier(display_name)
    taken = next((one for one in cloned_voices() if one.name == name), None)
    if taken and not replace:
        raise LipsyncError(
            'There is a cloned voice "{name}" already; take another name, or give replace=True (on the command line '
            "--replace).",
            name=taken.display_name,
        )
    samples = _first_seconds(recording)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    voice = ClonedVoice(name, CONSENT, " ".join(who.split())[:200], now, display_name)
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        note = _folder() / f"{name}.json"
        _replace(note, json.dumps(asdict(voice), ensure_ascii=False, indent=1).encode())
        _write(voice.path, samples)
    except OSError as error:
        raise LipsyncError(
            "The voice {name} cannot be kept in {folder} ({reason}); free it.",
            name=display_name,
            folder=_folder(),
            reason=Reason(error),
        ) from error
    return voice


def _identifier(name: str) -> str:
    """The name in ASCII. Raises LipsyncError for one that cannot be taken."""
    from anyascii import anyascii  # here, because its tables are needed for nothing else

    allowed = all(unicodedata.category(letter)[0] in "LMN" or letter in NAME_MARKS for letter in name)
    plain = re.sub(r"[^a-z0-9_]+", "-", anyascii(name).lower()).strip("-_")[:LONGEST_NAME].rstrip("-_")
    if not allowed or not plain or len(name) > LONGEST_NAME:
        raise LipsyncError(
            'A voice cannot be named "{name}"; take up to {most} letters, digits, spaces, "-" and "_".',
            name=name[:LONGEST_NAME],
            most=LONGEST_NAME,
        )
    return plain


def cloned_voices() -> list[ClonedVoice]:
    """All whose sample and note are both there, by name."""
    found = []
    for note in sorted(_folder().glob("*.json")):
        try:
            stored = json.loads(note.read_text("utf-8"))
            consent, who, when = (str(stored[key]) for key in ("consent", "who", "when"))
            voice = ClonedVoice(note.stem, consent, who, when, str(stored.get("display_name") or note.stem))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if _ID.fullmatch(voice.name) and voice.path.is_file():
            found.append(voice)
    return found


def forget_voice(name: str) -> None:
    """Delete a cloned voice, by either of its names, and its note. Raises LipsyncError where there is none."""
    for voice in cloned_voices():
        if name in (voice.name, voice.display_name):
            voice.path.unlink(missing_ok=True)
            voice.path.with_suffix(".json").unlink(missing_ok=True)
            return
    raise LipsyncError('There is no cloned voice "{name}"; `python -m lipsync_core voices` lists all.', name=name[:40])


def read_sample(path: Path, rate: int) -> np.ndarray:
    """(n,) float32 of a kept sample."""
    import soxr

    blocks = list(read_recording(path))
    sound = np.concatenate([block.samples for block in blocks])
    return np.asarray(soxr.resample(sound, blocks[0].sample_rate, rate), np.float32)


def _first_seconds(recording: Source) -> np.ndarray:
    import soxr

    blocks, seconds, rate = [], 0.0, RATE
    for block in read_recording(recording):
        blocks.append(block.samples)
        rate = block.sample_rate
        seconds += block.duration
        if seconds >= LONGEST:
            break
    sound = np.concatenate(blocks)[: round(LONGEST * rate)]
    heard = np.flatnonzero(np.abs(sound) > QUIET)
    sound = sound[heard[0] : heard[-1] + 1] if len(heard) else sound[:0]
    if len(sound) < SHORTEST * rate:
        raise LipsyncError(
            "The recording has {seconds:.1f} s of sound; give one of {least:g} s or more, of one person.",
            seconds=len(sound) / rate,
            least=SHORTEST,
        )
    return np.asarray(soxr.resample(sound, rate, RATE), np.float32)


def _write(path: Path, samples: np.ndarray) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    os.replace(part, path)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    os.replace(part, path)


def _folder() -> Path:
    return settings().checkpoints_dir / FOLDER
