"""The rig's motion network with the weights that ship: what the lips do to sound."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from lipsync_core import checkpoints
from lipsync_core.audio.mel import SILENCE, chunk_start, mel_spectrogram
from lipsync_core.audio.normalization import Level, LevelMeter
from lipsync_core.errors import LipsyncError
from lipsync_core.models.rig.motion import CHANNELS, COLUMNS, DEFAULT_WEIGHTS, Motion

FPS = 25.0
OPEN, WIDTH, PUCKER, PRESS, TUCK = range(len(CHANNELS))


@pytest.fixture(scope="module")
def motion() -> Motion:
    return Motion.load()


def chunks(mel: np.ndarray, frames: int, fps: float = FPS) -> np.ndarray:
    padded = np.pad(mel, ((0, 0), (COLUMNS, 2 * COLUMNS)), constant_values=SILENCE)
    return np.stack([padded[:, chunk_start(k, fps, COLUMNS) + COLUMNS :][:, :COLUMNS] for k in range(frames)])


def move(motion: Motion, samples: np.ndarray, fps: float = FPS) -> np.ndarray:
    mel = mel_spectrogram(samples)
    return motion(chunks(mel, max(1, int(len(samples) / 16000 * fps)), fps), LevelMeter().update(mel))


def babble(seconds: float, seed: int = 0) -> np.ndarray:
    """Harmonics that swell and fade four times a second, in noise: sound enough to move a mouth."""
    t = np.arange(int(16000 * seconds)) / 16000
    voice = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    swell = np.maximum(0, np.sin(2 * np.pi * 2 * t)) ** 2
    return (0.1 * voice * swell + 0.002 * np.random.default_rng(seed).standard_normal(len(t))).astype(np.float32)


def test_motion_is_the_same_in_any_batch(motion: Motion) -> None:
    mel = mel_spectrogram(babble(4.2))
    level = LevelMeter().update(mel)
    every = chunks(mel, 104)
    whole = motion(every, level)
    assert whole[:, OPEN].std() > 0.005
    for size in (1, 2, 4, 8, 32, 100):
        parts = [motion(every[i : i + size], level) for i in range(0, len(every), size)]
        assert np.array_equal(np.concatenate(parts), whole), size


def test_a_chunk_depends_on_nothing_beside_it(motion: Motion) -> None:
    mel = mel_spectrogram(babble(2.0))
    level = LevelMeter().update(mel)
    every = chunks(mel, 40)
    assert np.array_equal(motion(every[17:18], level), motion(every, level)[17:18])
    assert np.array_equal(motion(every[::-1], level), motion(every, level)[::-1])


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0])
def test_digital_silence_rests_closed(motion: Motion, seconds: float) -> None:
    said = move(motion, np.zeros(int(16000 * seconds), np.float32))
    assert said.shape[1] == len(CHANNELS)
    assert not said.any()


def test_pauses_rest_closed(motion: Motion) -> None:
    """Room tone 45 dB under the speech, before and after it."""
    noise = 0.0005 * np.random.default_rng(1).standard_normal(16000 * 5)
    samples = noise.astype(np.float32)
    samples[32000:48000] += babble(1.0)
    said = move(motion, samples)
    quiet = np.r_[0:40, 90:120]
    assert np.abs(said[quiet, OPEN]).max() < 0.02
    assert np.abs(said[quiet, WIDTH]).max() < 0.03
    assert said[quiet, PUCKER:].max() < 0.3


def test_fifty_milliseconds_of_sound_and_odd_numbers(motion: Motion) -> None:
    assert np.isfinite(move(motion, babble(0.05))).all()
    assert np.isfinite(move(motion, np.full(16000, 5.0, np.float32))).all()
    broken = np.full((3, 80, COLUMNS), np.nan, np.float32)
    assert np.isfinite(motion(broken, LevelMeter().update(np.full((80, 40), -1.0, np.float32)))).all()
    assert motion(np.zeros((0, 80, COLUMNS), np.float32), LevelMeter().update(np.zeros((80, 0)))).shape == (0, 5)


def test_loudness_of_the_recording_changes_little(motion: Motion, shared: Path) -> None:
    import soundfile

    samples = soundfile.read(shared / "data" / "grid" / "grid01.wav", dtype="float32")[0]
    loud, quiet = move(motion, samples), move(motion, samples * 0.1)
    assert np.corrcoef(loud[:, OPEN], quiet[:, OPEN])[0, 1] > 0.95


def test_the_first_words_alone_move_the_mouth_nearly_as_the_whole_sentence_does(motion: Motion, shared: Path) -> None:
    import soundfile

    samples = soundfile.read(shared / "data" / "grid" / "grid05.wav", dtype="float32")[0]
    mel = mel_spectrogram(samples)
    every = chunks(mel, 75)
    first = motion(every, LevelMeter().update(mel[:, 40:100]))
    whole = motion(every, LevelMeter().update(mel))
    assert np.corrcoef(first[:, OPEN], whole[:, OPEN])[0, 1] > 0.95
    assert np.abs(first[:, OPEN] - whole[:, OPEN]).mean() < 0.02


def test_lips_seal_for_p_b_m_tuck_for_f_v_round_for_u_and_spread_for_i(motion: Motion) -> None:
    evaluate = pytest.importorskip("training.evaluate")
    voices = pytest.importorskip("training.voices")
    text = "Bob and Emma packed a lamp, a map, a pump and apples. Few moved the blue food: five knives, we believe."
    spoken = [voices.say(text, "en", f"espeak:{name}", 1.0) for name in ("en-us+m5", "en-gb+f4")]
    figures = evaluate.closures(motion, spoken)
    assert figures["p b m"] > 25
    assert figures["sealed"] >= 0.85
    assert figures["shut"] >= 0.85
    assert figures["f v tucked"] >= 0.7
    assert figures["a sealed by mistake"] <= 0.1
    assert figures["a open"] > 0.1
    assert figures["u pucker"] > figures["i pucker"] + 0.4
    assert figures["u width"] < figures["i width"] - 0.05


def test_motion_is_as_calm_as_a_mouth(motion: Motion) -> None:
    follow = pytest.importorskip("training.follow")
    voices = pytest.importorskip("training.voices")
    samples, _ = voices.say("People always ask me how the project began.", "en", "espeak:en-us+m5", 1.0)
    said = follow.move(motion, samples, 50.0, int(len(samples) / 16000 * 50))
    assert follow.tremor(follow.lips(said)[:, 0], 50.0) < 0.08


def test_the_manifest_knows_the_weights() -> None:
    entry = checkpoints.manifest()["rig_motion"]
    assert entry.bytes == DEFAULT_WEIGHTS.stat().st_size < 5_000_000
    assert entry.files[0].sha256 == hashlib.sha256(DEFAULT_WEIGHTS.read_bytes()).hexdigest()


def test_lips_follow_real_speakers_whom_the_network_never_saw(motion: Motion, shared: Path) -> None:
    import soundfile

    follow = pytest.importorskip("training.follow")
    pairs = [
        (soundfile.read(path.with_suffix(".wav"), dtype="float32")[0], np.load(path, allow_pickle=False)["mouth"])
        for path in sorted((shared / "data" / "grid").glob("grid*.npz"))
    ]
    figures = follow.against(motion, pairs, FPS)
    assert figures["r_open"] > 0.6
    assert figures["r_width"] > 0.3
    assert abs(figures["lag_ms"]) <= 20


def test_level_forgets_slowly_and_keeps_constant_size() -> None:
    meter = LevelMeter()
    loud, soft = np.full((80, 800), -0.5, np.float32), np.full((80, 800), -2.0, np.float32)
    meter.update(loud)
    for _ in range(200):
        level = meter.update(soft)
    assert abs(level.means.mean() + 2.0) < 0.1


def test_level_does_not_depend_on_how_the_sound_was_cut() -> None:
    mel = mel_spectrogram(babble(6.0))
    whole, meter = LevelMeter().update(mel), LevelMeter()
    for i in range(0, mel.shape[1], 37):
        level = meter.update(mel[:, i : i + 37])
    assert np.abs(level.means - whole.means).max() < 0.1
    assert abs(level.scale - whole.scale) < 0.05


def test_level_takes_no_notice_of_digital_silence() -> None:
    speech = mel_spectrogram(babble(2.0))
    silence = np.full((80, 3000), SILENCE, np.float32)
    plain = LevelMeter().update(speech)
    padded = LevelMeter().update(np.concatenate([silence, speech, silence], 1))
    assert np.abs(padded.means - plain.means).max() < 0.05


def test_an_empty_meter_still_gives_a_level() -> None:
    level = LevelMeter().update(np.zeros((80, 0), np.float32))
    assert isinstance(level, Level)
    assert np.isfinite(level.means).all()
    assert level.scale > 0


@pytest.mark.parametrize("kind", ["missing", "folder", "noise", "other"])
def test_a_wrong_weights_file_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    import torch

    path = tmp_path / "weights.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind == "noise":
        path.write_bytes(b"\x00\x01not a tensor file" * 40)
    elif kind == "other":
        save_file({"first.bias": torch.zeros(7)}, path)
    with pytest.raises(LipsyncError, match=r"weights\.safetensors"):
        Motion.load(path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    import torch

    net = Motion.load()._net
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    weights["heads.bias"] = torch.full_like(weights["heads.bias"], float("nan"))
    save_file(weights, tmp_path / "nan.safetensors")
    with pytest.raises(LipsyncError, match="finite"):
        Motion.load(tmp_path / "nan.safetensors")
