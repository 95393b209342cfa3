"""The training of the motion network, on a few sentences that the test speaks and moves itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lipsync_core.audio.mel import RATE
from lipsync_core.models.rig.motion import CHANNELS, COLUMNS, Motion
from lipsync_core.speech.speech import Phoneme

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("espeakng_loader")

from training import articulation, grid_s1, phonemes, revoiced  # noqa: E402
from training.follow import lips, move  # noqa: E402
from training.motion import Amount, Plan, train  # noqa: E402
from training.voices import say  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["bbaf2n", "lgbx4p", "prwm7s", "swiv9a", "bgam3p", "lwbb8s", "pbiv5n", "sraf6a", "bwwp1s", "prao4n"]
LANDMARKS = [13, 14, 78, 308, 33, 263]  # inner lips, corners of the mouth, outer corners of the eyes
EYES = 100.0  # px between the eyes
CURVES = (
    [f"mouth_{curve}_{side}" for curve in ("pucker", "press", "lipCornerPull", "lowerLipDepress", "upperLipRaise")
     for side in "lr"]
    + [f"mouth_{curve}_{place}" for curve in ("funnel", "suck") for place in ("dl", "dr", "ul", "ur")]
    + ["mouth_oo_c", "mouth_oh_c", "mouth_stretch_c"]
)  # fmt: skip


def spoken(text: str, pause: float = 0.3) -> tuple[np.ndarray, list[Phoneme]]:
    samples, said = say(text, "en", "espeak:en-us+m3", 1.0)
    return np.pad(samples, round(pause * RATE)), [Phoneme(p.symbol, p.start + pause, p.end + pause) for p in said]


def mouth(said: list[Phoneme], samples: int, fps: float) -> np.ndarray:
    """(frames, 5) of what the table thinks."""
    track = phonemes.track(said, 1 + samples // 200)
    middles = (np.arange(int(samples / RATE * fps)) + 0.5) / fps * 80
    return np.stack([np.interp(middles, np.arange(track.shape[1]), row) for row in track], 1)


def tracked(lips: np.ndarray) -> np.ndarray:
    """(frames, 2) opening and width -> the points of a face tracker, in 1/16 px."""
    points = np.zeros((len(lips), len(LANDMARKS), 3))
    points[:, 1, 1] = lips[:, 0] * EYES
    points[:, 3, 0] = lips[:, 1] * EYES
    points[:, 5, 0] = EYES
    return np.round(points * 16).astype(np.int16)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """grid_s1 and articulation in small: a voice that speaks, and the mouth that the phoneme table gives it."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "grid_s1").mkdir()
    (folder / "articulation").mkdir()
    sounds, points = [], []
    for name in NAMES:
        samples, said = spoken(revoiced.sentence(name))
        track = mouth(said, len(samples), grid_s1.FPS)
        sounds.append(samples)
        points.append(tracked(np.stack([0.01 + 0.3 * track[:, 0], 0.6 + 0.1 * track[:, 1]], 1)))
    soundfile.write(folder / "grid_s1" / "part0.flac", np.concatenate(sounds), RATE)
    np.savez(
        folder / "grid_s1" / "part0.npz",
        points=np.concatenate(points),
        landmarks=LANDMARKS,
        names=NAMES,
        frames=[len(p) for p in points],
        samples=[len(s) for s in sounds],
    )
    (folder / "articulation" / "names.txt").write_text("\n".join(CURVES))
    samples, said = spoken(
        "We put five plums above the stove, and my father moved them to the big room by the old oven. " * 2
    )
    track = mouth(said, len(samples), articulation.FPS)
    weights = np.zeros((len(track), len(CURVES)), np.float16)
    weights[:, CURVES.index("mouth_stretch_c")] = track[:, 0]
    weights[:, CURVES.index("mouth_pucker_l")] = weights[:, CURVES.index("mouth_pucker_r")] = track[:, 2]
    weights[:, CURVES.index("mouth_press_l")] = 0.15 * track[:, 3]
    soundfile.write(folder / "articulation" / "speech01.flac", samples, RATE)
    np.savez(folder / "articulation" / "speech01.npz", weights=weights)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path) -> tuple[Path, dict[str, object]]:
    out = data / "weights" / "rig_motion.safetensors"
    few = Amount(voices=1, spoken=6, real=2, revoiced=1, captured=2, synthetic=1)
    return out, train(data, out, Plan(steps=60, batch=6, width=32, rate=6e-3, seed=1), amount=few)


def test_the_loss_falls(trained: tuple[Path, dict[str, object]]) -> None:
    figures = trained[1]
    assert isinstance(figures["first_loss"], float)
    assert isinstance(figures["last_loss"], float)
    assert figures["steps"] == 60
    assert figures["last_loss"] < 0.85 * figures["first_loss"]


def test_the_file_loads_and_moves_a_mouth(trained: tuple[Path, dict[str, object]]) -> None:
    path = trained[0]
    assert path.stat().st_size < 5_000_000
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    motion = Motion.load(path)
    samples, said = spoken("Bob bought a map of the farm.")
    moved = move(motion, samples, 25.0, int(len(samples) / RATE * 25))
    assert moved.shape[1] == len(CHANNELS)
    assert np.isfinite(moved).all()
    assert not move(motion, np.zeros(RATE, np.float32), 25.0, 25).any()
    wanted = mouth(said, len(samples), 25.0)[: len(moved)]
    assert np.corrcoef(lips(moved)[:, 0], wanted[:, 0])[0, 1] > 0.4


def test_clips_are_cut_apart_as_they_were_joined(data: Path) -> None:
    clips = grid_s1.clips(data / "grid_s1")
    assert [clip.name for clip in clips] == NAMES
    for clip in clips:
        assert clip.track.shape == (3, 1 + len(clip.samples) // 200)
        opening, width, press = clip.track
        assert opening[:8].max() < 0.05
        assert press[:8].min() > 0.5
        assert opening.max() > 0.1
        assert np.ptp(width) > 0.03


def test_real_lips_keep_their_time_under_another_voice(data: Path) -> None:
    clip = grid_s1.clips(data / "grid_s1")[0]
    other, said = say(revoiced.sentence(clip.name), "en", "espeak:en-gb+f2", 0.85)
    samples = np.pad(other, round(revoiced.PAUSE * RATE))
    carried, distance = revoiced.carry(clip, samples)
    assert distance < revoiced.WORST
    assert carried.shape == (3, 1 + len(samples) // 200)
    later = [Phoneme(p.symbol, p.start + revoiced.PAUSE, p.end + revoiced.PAUSE) for p in said]
    wanted = phonemes.track(later, carried.shape[1])
    assert np.corrcoef(carried[0], wanted[0])[0, 1] > 0.8


def test_lips_close_for_b_round_for_u_and_tuck_for_f() -> None:
    said = [Phoneme(s, 0.3 + 0.15 * i, 0.45 + 0.15 * i) for i, s in enumerate("abauafa")]
    opening, width, pucker, press, tuck = phonemes.track(said, 160)

    def at(i: int) -> int:
        return round((0.375 + 0.15 * i) * 80)

    assert press[at(1)] == 1
    assert opening[at(1)] < 0.05
    assert opening[at(0)] > 0.5
    assert pucker[at(3)] > 0.7
    assert width[at(3)] < -0.4
    assert tuck[at(5)] == 1
    assert max(abs(opening[0]), abs(opening[-1])) < 0.02


def test_every_grid_name_says_its_sentence() -> None:
    assert revoiced.sentence("bbaf2n") == "bin blue at F two now"
    assert revoiced.sentence("swwzzs") == "set white with zed zero soon"


def test_changed_copies_keep_sound_and_mouth_together(data: Path) -> None:
    from training.augment import resample, variant

    clip = grid_s1.clips(data / "grid_s1")[2]
    fast = resample(clip, 1.25)
    assert abs(len(fast.samples) - len(clip.samples) / 1.25) < 2
    assert fast.track.shape[1] == 1 + len(fast.samples) // 200
    assert abs(fast.track[0].argmax() * 1.25 - clip.track[0].argmax()) <= 2
    mel, track = variant(clip, np.random.default_rng(0), (0.8, 1.3))
    assert mel.shape[1] == track.shape[1]


def test_training_shows_the_moment_that_rendering_asks_for(data: Path) -> None:
    """A window's first target is the mouth at the middle of the window's first chunk."""
    from training.fit import LENGTH, STEPS, _window
    from training.source import EDGE, build

    clip = grid_s1.clips(data / "grid_s1")[0]
    column = np.arange(clip.track.shape[1], dtype=np.float32)[None]
    source = build("real", ("open",), 0, [type(clip)(clip.name, clip.samples, column)], [0.0], 1, (1.0, 1.0), 0)
    padded = source.copies[0].mel.astype(np.float32)
    seen = 0
    for seed in range(40):
        mel, track = _window(source.copies[0], np.zeros(1, np.float32), np.random.default_rng(seed))
        assert track.shape == (1, STEPS)
        starts = [i for i in range(padded.shape[1] - LENGTH + 1) if np.array_equal(padded[:, i : i + LENGTH], mel)]
        for start in starts:  # none where the window was changed, the moment is then the same
            middle = start + (COLUMNS - 1) / 2 - EDGE
            if 0.5 <= middle <= column.max() - 0.5:
                assert track[0, 0] == pytest.approx(middle)
                seen += 1
    assert seen > 5


def test_the_command_explains_itself_and_refuses_a_missing_folder(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "training.motion", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )

    explained = run("--help")
    assert explained.returncode == 0
    for option in ("--data", "--out", "--steps", "--minutes", "--seed", "--small"):
        assert option in explained.stdout
    refused = run("--data", str(tmp_path))
    assert refused.returncode == 2
    assert "grid_s1" in refused.stderr
