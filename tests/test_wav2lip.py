"""Wav2Lip: equal to the official network, and a mouth that fits into the picture and changes nothing else."""

import itertools
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
import torch

from benchmarks.random_weights import random_weights
from lipsync_core import Avatar, Frame, LipsyncError, Studio
from lipsync_core.audio.mel import SILENCE, mel_spectrogram
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.cli.main import main
from lipsync_core.face import default_avatars, load_avatar
from lipsync_core.models import Life, MelChunks
from lipsync_core.models.wav2lip import faces, network
from lipsync_core.models.wav2lip import mel as hearing
from lipsync_core.models.wav2lip.decoder import Decoder, Window
from lipsync_core.models.wav2lip.faces import FaceCrops, Place
from lipsync_core.models.wav2lip.mel import activity
from lipsync_core.models.wav2lip.model import Wav2LipModel
from lipsync_core.models.wav2lip.network import Generator
from lipsync_core.settings import settings
from lipsync_core.sinks.mp4 import Mp4Writer

ROOT = Path(__file__).resolve().parents[1]
SIZE = 256
RATE = 16000
WHOLE = Window(0, 96, 0, 96)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(random_weights(), path)
    return path


@pytest.fixture(scope="module")
def net(weights_file: Path) -> Generator:
    return network.load(weights_file)


@pytest.fixture(scope="module")
def studio(weights_file: Path) -> Iterator[Studio]:
    """A studio whose model wav2lip has weights, in float32."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIPSYNC_WAV2LIP_WEIGHTS", str(weights_file))
        patch.setenv("LIPSYNC_WAV2LIP_PRECISION", "float32")
        settings.cache_clear()
        yield Studio()
    settings.cache_clear()


@pytest.fixture(scope="module")
def photo(studio: Studio) -> Avatar:
    return studio.avatar("tomas", size=SIZE)


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "data" / "wav2lip" / "parity.npz") as archive:
        return dict(archive)


def speech_like(seconds: float, rate: int = RATE) -> np.ndarray:
    """A buzz of changing colour, loud all the time."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = (t * 140 % 1) - 0.5
    hiss = np.random.default_rng(5).standard_normal(len(t))
    return (0.4 * buzz + (0.06 + 0.05 * np.sin(40 * t)) * hiss).astype(np.float32)


def take(studio: Studio, avatar: Avatar | Path, sound: np.ndarray, **options: int | float | bool) -> list[Frame]:
    with studio.take(audio=(sound, RATE), avatar=avatar, model="wav2lip", **options) as made:  # type: ignore[arg-type]
        return list(made)


def masked(avatar: Avatar, index: int = 0) -> np.ndarray:
    """(H, W) bool: where a mouth may be drawn in a frame."""
    faces = FaceCrops(avatar, _Blind(), settings().wav2lip_pads)  # type: ignore[arg-type]
    face = faces[index]
    assert face is not None
    found = np.zeros(avatar.size, bool)
    found[face.place.area.part] = face.place.mask[..., 0] > 0
    return found


class _Blind:
    """Stands where only the geometry of a face is asked for."""

    def encode(self, *_: object) -> "_Blind":
        return self

    bytes = 0


# The network


def test_the_network_has_the_official_names_and_shapes(shared: Path) -> None:
    official = json.loads((shared / "data" / "wav2lip" / "state_dict.json").read_text())
    own = {name: list(value.shape) for name, value in Generator().state_dict().items()}
    assert own == official


def test_the_network_draws_what_the_official_one_does(net: Generator, reference: dict[str, np.ndarray]) -> None:
    with torch.inference_mode():
        drawn = net(torch.from_numpy(reference["mel"]), torch.from_numpy(reference["face"]))
    assert np.abs(drawn.numpy() - reference["out"]).max() < 1e-4


@pytest.mark.parametrize("wanted", [WHOLE, Window(44, 96, 7, 90), Window(51, 70, 30, 61), Window(0, 9, 0, 5)])
def test_a_part_drawn_with_the_face_done_before_is_the_same(
    net: Generator, reference: dict[str, np.ndarray], wanted: Window
) -> None:
    decoder = Decoder(net)
    for mel, face, out in zip(reference["mel"], reference["face"], reference["out"], strict=True):
        features = decoder.encode(torch.from_numpy(face[None]), wanted)
        drawn = decoder.draw(decoder.listen(torch.from_numpy(mel)), features, wanted)[0].numpy()
        assert np.abs(drawn - out[(..., *wanted.part)]).max() < 1e-4


def test_half_precision_is_less_than_two_grey_levels_away(net: Generator, reference: dict[str, np.ndarray]) -> None:
    decoder = Decoder(net, dtype=torch.bfloat16)
    features = decoder.encode(torch.from_numpy(reference["face"][:1]), WHOLE)
    drawn = decoder.draw(decoder.listen(torch.from_numpy(reference["mel"][0])), features, WHOLE)[0].numpy()
    assert np.abs(drawn - reference["out"][0]).max() * 255 < 2
    assert np.abs(drawn - reference["out"][0]).mean() * 255 < 0.4


def test_the_mel_spectrogram_is_the_official_one(reference: dict[str, np.ndarray]) -> None:
    own = mel_spectrogram(reference["wav"])
    assert own.shape == reference["melspec"].shape
    assert np.abs(own - reference["melspec"]).max() < 1e-4


# Chunks


@pytest.mark.parametrize(("name", "fps"), [("starts_25", 25), ("starts_30", 30), ("starts_23976", 23.976)])
def test_chunks_can_start_where_the_official_script_has_them(
    reference: dict[str, np.ndarray], name: str, fps: float
) -> None:
    official = hearing.official_starts(reference["melspec"].shape[1], fps)
    assert official == reference[name].tolist()
    mel = reference["melspec"]
    for frame in range(8, len(official) - 8):  # as a take cuts them
        start = hearing.chunk_start(frame, fps, hearing.HEARD)
        around = mel[None, :, start : start + hearing.HEARD]
        heard = hearing.heard(around, np.array([frame]), fps, official=True)
        assert np.array_equal(heard[0], mel[:, official[frame] : official[frame] + 16])


def test_the_official_sound_is_one_frame_late(studio: Studio, photo: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = speech_like(1.0)
    plain = take(studio, photo, sound)
    monkeypatch.setenv("LIPSYNC_WAV2LIP_OFFICIAL_CHUNKS", "1")
    settings.cache_clear()
    official = take(studio, photo, sound)
    settings.cache_clear()
    assert all(np.array_equal(official[n].image, plain[n + 1].image) for n in range(6, 18))
    assert not np.array_equal(official[10].image, plain[10].image)


@pytest.mark.parametrize("fps", [1, 12, 23.976, 25, 29.97, 50, 120])
def test_chunks_keep_their_distance_to_the_frame_at_any_rate(fps: float) -> None:
    for frame in (0, 1, 7, 1000, 99999):
        middle = (frame + 0.5) / fps * 80
        assert 3.8 < middle - hearing.trained_start(frame, fps) < 5.9  # one and a half frames of 25 a second: 4.8


# Files of weights


@pytest.mark.parametrize("form", ["bare", "wrapped", "safetensors", "old"])
def test_official_files_load_unchanged(tmp_path: Path, net: Generator, form: str) -> None:
    state = random_weights()
    path = tmp_path / ("net.safetensors" if form == "safetensors" else "net.pth")
    if form == "safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    elif form == "wrapped":
        wrapped = {f"module.{name}": value for name, value in state.items()}
        optimizer = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-4}]}
        torch.save({"state_dict": wrapped, "optimizer": optimizer, "global_step": 7, "global_epoch": 1}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "bare")
    loaded = network.load(path).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in net.state_dict().items())


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code of a file was run",)


def _without(name: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in random_weights().items() if key != name}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: _without("output_block.1.bias"), "output_block.1.bias is missing"),
        (lambda: {**random_weights(), "more": torch.zeros(1)}, "more is not a part"),
        (lambda: {**random_weights(), "output_block.1.bias": torch.zeros(4)}, r"output_block.1.bias is \(4,\)"),
        (lambda: {**random_weights(), "output_block.1.bias": torch.full((3,), torch.nan)}, "not finite"),
        (lambda: {**random_weights(), "output_block.1.bias": torch.zeros(3, dtype=torch.complex64)}, "not finite"),
        (lambda: {"state_dict": 3}, "no weights by name"),
        (lambda: [1, 2], "damaged or no file of weights"),
    ],
)
def test_another_networks_file_is_told_in_one_sentence(
    tmp_path: Path, content: Callable[[], object], said: str
) -> None:
    torch.save(content(), tmp_path / "other.pth")
    with pytest.raises(LipsyncError, match=said) as raised:
        network.load(tmp_path / "other.pth")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"nothing of the kind", pickle.dumps({"state_dict": _Code()}, 2)], ids=["empty", "text", "code"]
)
def test_a_file_that_is_no_weights_runs_no_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LipsyncError, match="damaged or no file of weights"):
        network.load(tmp_path / name)
    assert "code of a file was run" not in capsys.readouterr().out


def test_half_a_file_is_refused(tmp_path: Path, weights_file: Path) -> None:
    (tmp_path / "half.pth").write_bytes(weights_file.read_bytes()[: 40 * 2**20])
    with pytest.raises(LipsyncError, match="damaged"):
        network.load(tmp_path / "half.pth")


def test_without_weights_one_sentence_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIPSYNC_CHECKPOINTS_DIR", str(tmp_path))
    monkeypatch.delenv("LIPSYNC_WAV2LIP_WEIGHTS", raising=False)
    settings.cache_clear()
    try:
        target = tmp_path / "out.mp4"
        assert main(["render", "--text", "Hi.", "--model", "wav2lip", "--size", "320", "-o", str(target)]) == 1
        assert main(["models"]) == 0
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1
    assert "fetch wav2lip_gan" in told.err
    assert "LIPSYNC_WAV2LIP_WEIGHTS" in told.err
    assert "not ready" in told.out
    assert not target.exists()


def test_a_weights_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNC_WAV2LIP_WEIGHTS", "/no/such.pth")
    settings.cache_clear()
    with pytest.raises(LipsyncError, match=r"/no/such\.pth"):
        Wav2LipModel()
    monkeypatch.undo()
    settings.cache_clear()


# The picture


PORTRAITS = ["astronaut", *default_avatars()]


def portrait(name: str) -> Avatar:
    return load_avatar(skimage.data.astronaut() if name == "astronaut" else name, size=384)


def place_of(avatar: Avatar) -> tuple[Place, np.ndarray, Window, Window]:
    """The place, the 96 x 96 face, the box and the wanted part of a photo."""
    image, landmarks = avatar.frames[0], avatar.landmarks[0]
    box = faces.find_box(landmarks, avatar.size, (0, 10, 0, 0))
    face = faces.see(image, box)
    wanted = faces.find_wanted(faces.find_area(faces.lower_face(landmarks), box), box)
    return Place(image, landmarks, box, wanted, face), face, box, wanted


@pytest.mark.parametrize("name", PORTRAITS)
def test_what_the_network_has_seen_gives_back_the_picture(name: str) -> None:
    avatar = portrait(name)
    place, face, _, wanted = place_of(avatar)
    out = avatar.frames[0].copy()
    place.paste(out, face[wanted.part].astype(np.float32), 1.0, 1.0)
    assert np.array_equal(out, avatar.frames[0])


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_face_in_another_light_is_toned_to_the_picture(name: str) -> None:
    avatar = portrait(name)
    place, face, _, wanted = place_of(avatar)
    out = avatar.frames[0].copy()
    place.paste(out, face[wanted.part].astype(np.float32) * (0.95, 1.0, 0.95) + (12.0, 14.0, 6.0), 1.0, 0.6)
    assert np.abs(out.astype(int) - avatar.frames[0]).mean(where=place_mask(place, avatar)) < 2


def place_mask(place: Place, avatar: Avatar) -> np.ndarray:
    found = np.zeros((*avatar.size, 1), bool)
    found[place.area.part] = place.mask > 0
    return found


@pytest.mark.parametrize("name", PORTRAITS)
def test_an_open_mouth_is_seen_to_the_pixel_where_it_is_drawn_and_a_beard_beside_it_stays(name: str) -> None:
    avatar = portrait(name)
    image = avatar.frames[0]
    place, _, box, wanted = place_of(avatar)
    spot, radius = avatar.landmarks[0][[13, 14], :2].mean(0), box.size[1] / 18
    speaking = image.copy()
    points = [round(16 * float(v)) for v in (*spot, radius)]
    cv2.circle(speaking, (points[0], points[1]), points[2], (60, 10, 10), -1, cv2.LINE_AA, 4)
    out = image.copy()
    place.paste(out, faces.see(speaking, box)[wanted.part].astype(np.float32), 1.0, 0.0)
    changed = np.abs(out.astype(int) - image).sum(2)
    asked = np.abs(speaking.astype(int) - image).sum(2)
    rows, columns = np.mgrid[: avatar.size[0], : avatar.size[1]]
    for axis in (rows, columns):
        assert abs((axis * changed).sum() / changed.sum() - (axis * asked).sum() / asked.sum()) < 0.35  # pixels
    row, column = (round(float(v)) for v in spot[::-1])
    assert np.abs(out[row, column].astype(int) - (60, 10, 10)).max() < 12
    far = np.hypot(columns - spot[0], rows - spot[1]) > 2 * radius
    assert changed[far].max() <= 6
    assert not changed[~place_mask(place, avatar)[..., 0]].any()


@pytest.mark.parametrize("name", PORTRAITS)
def test_the_box_is_that_of_a_face_detector(name: str) -> None:
    avatar = portrait(name)
    box, points = place_of(avatar)[2], avatar.landmarks[0]
    assert points[10, 1] < box.top < points[[105, 334], 1].min()  # on the forehead
    assert 9 <= box.bottom - points[152, 1] <= 14  # the chin and ten pixels
    assert 0.85 < box.size[0] / box.size[1] < 1.5
    assert faces.find_box(points, avatar.size, (1000, 1000, 1000, 1000)) == Window(0, avatar.size[0], 0, avatar.size[1])


def test_the_mouth_moves_and_every_other_pixel_is_the_photos(studio: Studio, photo: Avatar) -> None:
    made = take(studio, photo, speech_like(0.6))
    mask = masked(photo)
    assert 0.02 < mask.mean() < 0.15
    lips = np.zeros(photo.size, np.uint8)
    cv2.fillConvexPoly(lips, cv2.convexHull(photo.landmarks[0][[61, 37, 267, 291, 314, 84], :2].astype(np.int32)), 1)
    for frame in made:
        changed = np.abs(frame.image.astype(int) - photo.frames[0]).max(2)
        assert not changed[~mask].any()
        assert changed[lips > 0].mean() > 10
    assert not np.array_equal(made[4].image, made[9].image)


def test_the_command_makes_a_file_that_plays(
    studio: Studio, photo: Avatar, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--voice", "espeak:en-us", "--avatar", "tomas", "--size", str(SIZE), "--json"]
    target = tmp_path / "out.mp4"
    assert main(["render", "--text", "Wait.", *options, "--model", "wav2lip", "-o", str(target)]) == 0
    told = json.loads(capsys.readouterr().out)
    with av.open(str(target)) as container:
        played = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(target)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0
    assert (told["model"], told["frames"]) == ("wav2lip", len(played))
    mask = masked(photo)
    difference = np.abs(played[5].astype(int) - photo.frames[0]).mean(2)
    assert difference[cv2.erode(mask.astype(np.uint8), np.ones((9, 9))) > 0].mean() > 15
    assert difference[cv2.dilate(mask.astype(np.uint8), np.ones((17, 17))) == 0].mean() < 4  # the encoder's own


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 7}, {"low_latency": True}])
def test_batches_change_no_pixel(studio: Studio, photo: Avatar, options: dict[str, int | bool]) -> None:
    sound = np.concatenate([speech_like(0.5), np.zeros(RATE // 2, np.float32)])
    whole = take(studio, photo, sound)
    assert len(whole) == 25
    assert all(
        np.array_equal(frame.image, other.image)
        for frame, other in zip(whole, take(studio, photo, sound, **options), strict=True)
    )


def test_frames_come_one_by_one_and_a_closed_take_leaves_no_thread(studio: Studio, photo: Avatar) -> None:
    model = studio.model("wav2lip")
    before = set(threading.enumerate())
    state = model.prepare(photo)
    mel = MelChunks(
        np.zeros((40, 80, model.columns), np.float32), LevelMeter().update(np.zeros((80, 0))), np.zeros((40, 2))
    )
    parts = model.render(state, mel, np.arange(40), 25, Life())
    assert next(parts).shape == (1, *photo.frames[0].shape)
    parts.close()
    made = studio.take(audio=(speech_like(60), RATE), avatar=photo, model="wav2lip")
    next(made)
    made.close()
    assert set(threading.enumerate()) <= before


# Silence


def test_in_silence_the_photo_is_shown_as_it_is(studio: Studio, photo: Avatar) -> None:
    made = take(studio, photo, np.zeros(RATE, np.float32))
    assert len(made) == 25
    assert all(np.array_equal(frame.image, photo.frames[0]) for frame in made)


def test_after_speech_the_mouth_eases_to_rest(studio: Studio, photo: Avatar) -> None:
    made = take(studio, photo, np.concatenate([speech_like(0.6), np.zeros(RATE, np.float32)]), fps=50)
    away = [np.abs(frame.image.astype(int) - photo.frames[0]).mean() for frame in made]
    full = np.median(away[10:25])
    assert all(value == 0 for value in away[45:])
    easing = [value for value in away[28:45] if 0.05 * full < value < 0.95 * full]
    assert len(easing) >= 3
    assert all(after < before + 0.03 * full for before, after in itertools.pairwise(away[30:45]))


def test_fifty_milliseconds_make_two_frames(studio: Studio, photo: Avatar) -> None:
    made = take(studio, photo, speech_like(0.05))
    assert len(made) == 2
    assert not np.array_equal(made[0].image, photo.frames[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_drawn_all_the_same(studio: Studio, photo: Avatar, value: float) -> None:
    model = studio.model("wav2lip")
    level = LevelMeter().update(mel_spectrogram(speech_like(1)))
    values = np.zeros((2, 80, model.columns), np.float32)
    values[:, :, 10:20] = value
    drawn = list(
        model.render(model.prepare(photo), MelChunks(values, level, np.zeros((2, 2))), np.arange(2), 25, Life())
    )
    assert len(drawn) == 2
    assert all(np.isfinite(part).all() for part in drawn)
    assert np.isfinite(activity(values, level)).all()


def test_digital_silence_and_a_whisper_are_told_apart() -> None:
    loud = mel_spectrogram(speech_like(1))
    level = LevelMeter().update(loud)
    silence = np.full((1, 80, hearing.HEARD), SILENCE, np.float32)
    assert activity(silence, level)[0] == 0
    assert activity(loud[None, :, 20 : 20 + hearing.HEARD], level)[0] == 1
    assert activity(loud[None, :, 20 : 20 + hearing.HEARD] - 1, level)[0] == 1  # 12 dB less


# Clips


@pytest.fixture(scope="module")
def clip(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    """A head that moves to and fro, and is gone in the middle."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    image = studio.avatar("mei", size=SIZE).frames[0]
    with Mp4Writer(path, (SIZE, SIZE), 25, 48000) as file:
        for n in range(16):
            moved = np.roll(image, round(6 * np.sin(n / 3)), axis=1)
            shown = np.full_like(image, 90) if 7 <= n < 10 else moved
            file.write(Frame(shown, n, n / 25, np.zeros(1920, np.float32), 48000))
    return studio.avatar(path)


def test_a_clips_mouth_follows_its_face_and_faceless_frames_pass(studio: Studio, clip: Avatar) -> None:
    made = take(studio, clip, speech_like(0.64))
    faceless = [n for n in range(16) if np.isnan(clip.landmarks[n, 0, 0])]
    assert 8 in faceless
    for n, frame in enumerate(made):
        changed = np.abs(frame.image.astype(int) - clip.frames[n]).max(2)
        if n in faceless:
            assert not changed.any()
        else:
            assert changed.max() > 30
            assert not changed[~masked(clip, n)].any()


def test_a_clips_mouth_is_held_still_in_silence(studio: Studio, clip: Avatar) -> None:
    made = take(studio, clip, np.zeros(RATE * 16 // 25, np.float32))
    assert not np.array_equal(made[2].image, clip.frames[2])  # the network's own rest, not what the clip's mouth does


def test_a_clip_beyond_the_memory_is_drawn_the_same(net: Generator, clip: Avatar) -> None:
    decoder = Decoder(net)
    roomy, tight = (FaceCrops(clip, decoder, (0, 10, 0, 0), kept_bytes=kept) for kept in (2**29, 0))
    said = decoder.listen(torch.zeros(1, 80, 16))
    for index in (0, 3, 0, 3):
        one, other = roomy[index], tight[index]
        assert one is not None
        assert other is not None
        assert torch.equal(
            decoder.draw(said, one.features, roomy.wanted), decoder.draw(said, other.features, tight.wanted)
        )
    assert roomy[3] is roomy[3]
    assert tight[3] is not tight[3]


# Groups, as a GPU draws them


def test_groups_draw_what_single_frames_are(studio: Studio, photo: Avatar, clip: Avatar) -> None:
    single, grouped = studio.model("wav2lip"), Wav2LipModel(group=4)
    sound = mel_spectrogram(np.concatenate([speech_like(0.4), np.zeros(RATE // 2, np.float32)]))
    level = LevelMeter().update(sound)
    values = np.stack(
        [sound[:, start : start + hearing.HEARD] for start in range(0, sound.shape[1] - hearing.HEARD, 4)]
    )
    mel = MelChunks(values, level, np.zeros((len(values), 2)))
    for avatar in (photo, clip):
        made = [
            np.concatenate(list(model.render(model.prepare(avatar), mel, np.arange(len(values)), 25.0, Life())))
            for model in (single, grouped)
        ]
        assert made[0].shape == made[1].shape == (len(values), *avatar.frames[0].shape)
        assert np.abs(made[0].astype(int) - made[1]).max() <= 1


def test_a_group_too_large_for_the_memory_is_halved(weights_file: Path) -> None:
    program = """
import resource, numpy as np, torch
from lipsync_core.face import load_avatar
from lipsync_core.audio.normalization import LevelMeter
from lipsync_core.models import Life, MelChunks
from lipsync_core.models.wav2lip.model import Wav2LipModel
photo = load_avatar("mei", size=128)
mel = MelChunks(np.zeros((3, 80, 32), np.float32), LevelMeter().update(np.zeros((80, 0))), np.zeros((3, 2)))
torch.backends.mkldnn.set_flags(False)  # oneDNN crashes where it gets no memory for its own code
torch.set_num_threads(1)
model = Wav2LipModel(group=128)
state = model.prepare(photo)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20,) * 2)
frames = list(model.render(state, mel, np.arange(3), 25.0, Life()))
print(len(frames), state.groups.size)
"""
    environment = {
        **os.environ,
        "LIPSYNC_WAV2LIP_WEIGHTS": str(weights_file),
        "LIPSYNC_WAV2LIP_PRECISION": "float32",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    frames, size = (int(word) for word in done.stdout.split())
    assert frames == 3
    assert 1 <= size < 128
