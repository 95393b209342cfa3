"""Teeth that a smiling photo shows: they are kept instead of painted ones."""

from dataclasses import replace

import cv2
import numpy as np

from lipsync_core.models.rig import topology as t
from lipsync_core.models.rig.interior import BOTTOM, LEFT, LUMA, RIGHT, TOP, UPPER_GUM, Interior
from lipsync_core.models.rig.neutral import PARTED, Neutral, lip_gap
from lipsync_core.models.rig.pose import Pose

EDGE = 0.010  # face units: the picture is soft where a lip ends, so its teeth are taken from inside that
SOFT = 0.012  # face units: width of the teeth's own border
UPPER_TEETH = 0.075  # face units below the closed lips' line: what is lower belongs to the jaw
BRIGHT = 0.55  # of the skin's brightness; darker than that the picture shows a cavity, not teeth
DARK = 0.45  # of the teeth's brightness: gaps and cavity
ROOT = 0.05  # face units above the teeth that are seen: where the gum begins
GUM = np.array(UPPER_GUM, np.float32)
PALE = 0.62  # blue against red, at least: teeth are yellowish, lips and tongue red


def own_teeth(painted: Interior, image: np.ndarray, points: np.ndarray, pose: Pose, neutral: Neutral) -> Interior:
    """Lay the picture's teeth over the painted upper ones, and give the painted ones their colour.

    image: (H, W, 3) uint8 RGB. points: (468, 2) its landmarks in face coordinates of `pose`.
    Returns `painted` itself where the picture shows no teeth.
    """
    if lip_gap(points)[4] < PARTED:
        return painted
    height, width = painted.fixed.shape[1:]
    scale = np.array([(RIGHT - LEFT) / width, (BOTTOM - TOP) / height])
    corner = np.array([LEFT, TOP]) + scale / 2
    picture = cv2.warpAffine(
        image, np.c_[pose.matrix * scale, pose.to_pixels(corner)], (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)  # fmt: skip
    outline = points[[t.LEFT_CORNER, *t.UPPER_INNER, t.RIGHT_CORNER, *t.LOWER_INNER[::-1]]]
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round((outline - corner) / scale * 16).astype(np.int32)], 255, shift=4)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5) * float(scale[0])
    alpha = np.clip((depth - EDGE) / SOFT, 0, 1)
    luma = picture @ LUMA.astype(np.float32)
    inside = alpha > 0.5
    if inside.sum() < 30:
        return painted
    bright = float(np.percentile(luma[inside], 85))
    teeth = inside & (luma >= 0.8 * bright)
    colour = picture[teeth].mean(0)
    skin = image[tuple(np.clip(np.round(pose.to_pixels(points[list(t.CHEEK)])[:, ::-1]), 0, None).astype(int).clip(
        0, np.array(image.shape[:2]) - 1).T)]  # fmt: skip
    if bright < BRIGHT * float(np.percentile(skin @ LUMA, 75)) or colour[2] < PALE * colour[0]:
        return painted
    rows = TOP + (np.arange(height) + 0.5) * scale[1]
    line = float(neutral.line[len(neutral.line) // 2, 1])
    alpha = alpha * np.clip((line + UPPER_TEETH - rows) / 0.02, 0, 1)[:, None]
    alpha *= np.clip((luma / bright - DARK) / 0.15, 0, 1)
    alpha = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.004 / float(scale[0]))
    enamel = _enamel(painted.fixed)
    fixed = painted.fixed.copy()
    fixed[:3] *= (colour / np.maximum(enamel, 1))[:, None, None]
    jaw = painted.jaw.copy()
    jaw[:3] *= (colour / np.maximum(enamel, 1))[:, None, None]
    columns = cv2.GaussianBlur((alpha.max(0) > 0.5).astype(np.float32)[None], (0, 0), 0.006 / float(scale[0]))
    fixed[3] *= columns[0]  # a painted tooth beside real ones would not match
    _lengthen(picture, alpha, depth, float(scale[1]))
    total = alpha + fixed[3] * (1 - alpha)
    mixed = (picture.transpose(2, 0, 1) * alpha + fixed[:3] * fixed[3] * (1 - alpha)) / np.maximum(total, 1e-4)
    fixed = np.concatenate([mixed, total[None]]).astype(np.float32)
    return replace(painted, fixed=np.clip(fixed, 0, 255), jaw=np.clip(jaw, 0, 255))


def _lengthen(picture: np.ndarray, alpha: np.ndarray, depth: np.ndarray, texel: float) -> None:
    """Draw the teeth on upwards, in place, under the lip that hid their roots: a raised lip would bare a gap there."""
    rows = np.arange(len(picture))[:, None]
    whole = (alpha > 0.6) & (depth > EDGE + SOFT)
    top = np.where(whole.any(0), whole.argmax(0), -1)
    for column in np.flatnonzero(top > 0):
        start = top[column]
        above = (rows[:start, 0] - start) * -texel  # face units above the teeth that are seen
        root = np.clip((above - ROOT) / 0.03, 0, 1)[:, None]
        enamel = picture[start, column] * (1 - 0.25 * np.clip(above / ROOT, 0, 1))[:, None]
        picture[:start, column] = enamel * (1 - root) + picture[start, column] * GUM * root
        alpha[:start, column] = 1


def _enamel(layer: np.ndarray) -> np.ndarray:
    """(3,) colour of the brightest part of painted teeth."""
    luma = np.tensordot(LUMA, layer[:3], 1) * (layer[3] > 0.9)
    result: np.ndarray = layer[:3, luma >= 0.85 * luma.max()].mean(1)
    return result
