"""The rig, judged by tracking the faces that it draws."""

import itertools

import cv2
import numpy as np
import pytest
import skimage.data

from lipsync_core.face import Avatar, load_avatar
from lipsync_core.models.rig.idle import Idle, IdleMotion
from lipsync_core.models.rig.renderer import Renderer

SIZE = 384
ZERO = np.zeros(1, np.int64)  # the frame of a photo
OPEN, WIDTH, PUCKER, PRESS, TUCK = range(5)
INNER_UPPER, INNER_LOWER, LEFT_CORNER, RIGHT_CORNER = 13, 14, 61, 291
OUTER_LOWER, CHIN, BROW = 17, 152, 10
EYES = (
    [33, 160, 159, 158, 133, 153, 145, 144],
    [362, 385, 386, 387, 263, 373, 374, 380],
)


def motion(**channels: float) -> np.ndarray:
    """One frame's motion."""
    row = np.zeros((1, 5), np.float32)
    for name, value in channels.items():
        row[0, {"open": OPEN, "width": WIDTH, "pucker": PUCKER, "press": PRESS, "tuck": TUCK}[name]] = value
    return row


def track(image: np.ndarray) -> np.ndarray:
    """(468, 2) landmarks of a drawn frame, in its own eye distances from its eyes' middle."""
    points = load_avatar(image, cache=False).landmarks[0].astype(np.float64)
    eyes = points[[33, 263], :2]
    return (points[:, :2] - eyes.mean(0)) / np.linalg.norm(eyes[1] - eyes[0])


def gap(points: np.ndarray) -> float:
    return float(points[INNER_LOWER, 1] - points[INNER_UPPER, 1])


def mouth_width(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[RIGHT_CORNER] - points[LEFT_CORNER]))


@pytest.fixture(scope="module", params=["astronaut", "amara", "ravi"])
def avatar(request: pytest.FixtureRequest) -> Avatar:
    return load_avatar(skimage.data.astronaut() if request.param == "astronaut" else request.param, size=SIZE)


@pytest.fixture(scope="module")
def renderer(avatar: Avatar) -> Renderer:
    return Renderer(avatar)


def test_an_opening_is_seen_as_large_as_it_is_asked(renderer: Renderer) -> None:
    seen = [gap(track(renderer.draw(motion(open=amount), ZERO)[0])) for amount in (0.0, 0.08, 0.16, 0.30)]
    assert seen[0] < 0.04
    assert all(after > before + 0.015 for before, after in itertools.pairwise(seen))
    assert seen[3] == pytest.approx(0.30, abs=0.1)


def test_the_chin_follows_and_the_brow_does_not(renderer: Renderer) -> None:
    shut, wide = (track(renderer.draw(motion(open=amount), ZERO)[0]) for amount in (0.0, 0.35))
    assert 0.08 < wide[CHIN, 1] - shut[CHIN, 1] < 0.35
    assert abs(wide[BROW, 1] - shut[BROW, 1]) < 0.03


def test_sealed_lips_are_shut_however_open_the_vowel_beside_them(renderer: Renderer) -> None:
    assert gap(track(renderer.draw(motion(open=0.2, press=1), ZERO)[0])) < 0.05


def test_i_spreads_and_u_rounds(renderer: Renderer) -> None:
    spread, plain, round_ = (
        track(renderer.draw(motion(open=0.06, **shape), ZERO)[0])
        for shape in ({"width": 0.1}, {}, {"width": -0.12, "pucker": 1.0})
    )
    assert mouth_width(spread) > mouth_width(plain) + 0.02
    assert mouth_width(round_) < mouth_width(plain) - 0.035


def test_f_draws_the_lower_lip_up_to_the_teeth(renderer: Renderer) -> None:
    plain, tucked = (track(renderer.draw(motion(open=0.04, **shape), ZERO)[0]) for shape in ({}, {"tuck": 1.0}))
    assert tucked[OUTER_LOWER, 1] < plain[OUTER_LOWER, 1] - 0.01


def test_only_the_mouth_and_jaw_change(renderer: Renderer, avatar: Avatar) -> None:
    drawn = renderer.draw(motion(open=0.3), ZERO)[0]
    brows = int(avatar.landmarks[0][[105, 334], 1].mean())
    assert np.array_equal(drawn[:brows], avatar.frames[0][:brows])
    assert np.abs(drawn[brows:].astype(int) - avatar.frames[0][brows:]).max() > 60


def test_no_seam_between_what_is_drawn_and_what_is_not(renderer: Renderer, avatar: Avatar) -> None:
    """A seam would be a step in the change, along a straight line: rows and columns where change begins."""
    before, after = avatar.frames[0].astype(int), renderer.draw(motion(open=0.35, width=0.1), ZERO)[0].astype(int)
    change = np.abs(after - before).max(-1)
    rows, columns = np.flatnonzero(change.any(1)), np.flatnonzero(change.any(0))
    inner = slice(columns[0] + 1, columns[-1])
    edges = [change[rows[0], inner], change[rows[0] : rows[-1], columns[0]], change[rows[0] : rows[-1], columns[-1]]]
    if rows[-1] < len(change) - 1:
        edges.append(change[rows[-1], inner])
    assert max(np.percentile(edge, 98) for edge in edges) <= 8


def test_a_yawn_does_not_tear(renderer: Renderer) -> None:
    """Frames on the way are each near the one before: nothing flips, folds or jumps."""
    steps = np.concatenate([motion(open=amount) for amount in np.linspace(0, 0.4, 21)])
    frames = renderer.draw(steps, ZERO).astype(int)
    change = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    assert change.max() < 4 * np.median(change)
    points = [track(frames[n].astype(np.uint8)) for n in (5, 10, 15, 20)]
    assert all(b[CHIN, 1] > a[CHIN, 1] - 0.015 for a, b in itertools.pairwise(points))


def test_every_batch_gives_the_same_pixels(renderer: Renderer) -> None:
    chance = np.random.default_rng(0)
    rows = (chance.normal(0.05, 0.1, (5, 5)) * [1, 0.3, 2, 2, 2]).clip([0, -0.1, 0, 0, 0], 1).astype(np.float32)
    idle = Idle(3).at(np.arange(5) / 2)
    whole = renderer.draw(rows, ZERO, idle)
    for n in range(5):
        one = renderer.draw(rows[n : n + 1], ZERO, IdleMotion(idle.sway[n : n + 1], idle.blink[n : n + 1]))
        assert np.array_equal(one[0], whole[n])


@pytest.mark.parametrize("name", ["amara", "mei", "ravi"])
def test_a_blink_draws_skin_over_the_eyes(name: str) -> None:
    avatar = load_avatar(name, size=SIZE)
    renderer = Renderer(avatar)
    still = np.zeros((2, 6), np.float32)
    open_, shut = renderer.draw(np.zeros((2, 5), np.float32), ZERO, IdleMotion(still, np.array([0, 1], np.float32)))
    points = avatar.landmarks[0][:, :2]
    for outline, lid in ((EYES[0], 27), (EYES[1], 257)):
        mask = np.zeros(open_.shape[:2], np.uint8)
        cv2.fillPoly(mask, [points[outline].round().astype(np.int32)], 1)
        x, y = points[lid].round().astype(int)
        redness = [float(np.ptp(frame[mask > 0], axis=-1).mean()) for frame in (open_, shut)]
        skin = float(np.ptp(avatar.frames[0][y, x].astype(int)))
        assert abs(redness[1] - skin) < 0.7 * abs(redness[0] - skin)  # an eye has less colour than a lid


@pytest.mark.parametrize("name", ["mei", "amara", "ravi"])
def test_lashes_do_not_stand_on_a_shut_lid(name: str) -> None:
    avatar = load_avatar(name, size=SIZE)
    still = np.zeros((2, 6), np.float32)
    idle = IdleMotion(still, np.array([0, 1], np.float32))
    open_, shut = Renderer(avatar).draw(np.zeros((2, 5), np.float32), ZERO, idle).astype(int)
    points = avatar.landmarks[0][:, :2]
    for upper, lower in ((159, 145), (386, 374)):
        middle, height = points[upper, 0], points[lower, 1] - points[upper, 1]
        columns = slice(int(middle - height), int(middle + height))

        def stripes(frame: np.ndarray, top: float, bottom: float, columns: slice = columns) -> float:
            rows = slice(int(top), int(bottom))
            return float(np.abs(np.diff(frame[rows, columns], 2, axis=1)).mean())

        lashes = stripes(open_, points[upper, 1] - 0.3 * height, points[upper, 1])
        assert stripes(shut, points[upper, 1], points[lower, 1] - 0.3 * height) < 0.5 * lashes


def test_swaying_moves_the_head_and_keeps_its_shape(renderer: Renderer, avatar: Avatar) -> None:
    times = np.arange(0, 20, 2.5) + 2
    idle = Idle(1).at(times)
    frames = renderer.draw(np.zeros((len(times), 5), np.float32), ZERO, IdleMotion(idle.sway, 0 * idle.blink))
    tracked = [load_avatar(frame, cache=False).landmarks[0][:, :2] for frame in frames]
    scale = np.linalg.norm(avatar.landmarks[0][263, :2] - avatar.landmarks[0][33, :2])
    places = np.array([points[[33, 263]].mean(0) for points in tracked]) / scale
    assert 0.01 < np.ptp(places, axis=0).max() < 0.2
    distances = np.array([np.linalg.norm(points[263] - points[33]) for points in tracked]) / scale
    assert np.ptp(distances) < 0.06


def test_first_frame_is_the_photo_itself(renderer: Renderer, avatar: Avatar) -> None:
    idle = Idle(0).at(np.zeros(1))
    drawn = renderer.draw(np.zeros((1, 5), np.float32), ZERO, idle)[0]
    eyes = int(avatar.landmarks[0][[33, 263], 1].mean())
    assert np.abs(drawn[:eyes].astype(int) - avatar.frames[0][:eyes]).max() <= 1


def test_a_smile_keeps_its_own_teeth() -> None:
    photo = load_avatar(skimage.data.astronaut(), size=SIZE)
    points = photo.landmarks[0][:, :2]
    top, bottom = points[INNER_UPPER], points[INNER_LOWER]
    centre = (0.5 * (top + bottom)).round().astype(int)
    teeth = photo.frames[0][centre[1] - 1 : centre[1] + 2, centre[0] - 6 : centre[0] + 7].mean((0, 1))
    opening = (bottom - top)[1] / np.linalg.norm(points[263] - points[33])
    drawn = Renderer(photo).draw(motion(open=float(opening) + 0.02), ZERO)[0]
    seen = drawn[centre[1] - 1 : centre[1] + 2, centre[0] - 6 : centre[0] + 7].mean((0, 1))
    assert np.abs(seen - teeth).max() < 30


def test_life_is_seeded_and_does_not_depend_on_what_was_asked_before() -> None:
    times = np.arange(0, 60, 0.04)
    whole, parts = Idle(5).at(times), Idle(5)
    late = parts.at(times[900:])
    assert np.array_equal(late.blink, whole.blink[900:])
    assert np.array_equal(late.sway, whole.sway[900:])
    assert not np.array_equal(Idle(6).at(times).blink, whole.blink)


def test_eyes_blink_as_often_as_people_do() -> None:
    blinks = Idle(2).at(np.arange(0, 300, 0.04)).blink
    starts = np.count_nonzero((blinks[1:] > 0.5) & (blinks[:-1] <= 0.5))
    assert 8 <= starts / 5 <= 30  # a minute
    assert np.mean(blinks > 0.5) < 0.08


def test_a_black_and_white_photo_gets_no_coloured_mouth() -> None:
    grey = skimage.data.astronaut().mean(-1, keepdims=True).repeat(3, 2).astype(np.uint8)
    drawn = Renderer(load_avatar(grey, size=SIZE)).draw(motion(open=0.3), ZERO)[0]
    assert int(np.ptp(drawn.astype(int), axis=-1).max()) <= 2
