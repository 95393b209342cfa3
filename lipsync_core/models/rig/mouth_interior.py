"""Teeth, gums, tongue and the dark behind them."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from lipsync_core.models.interpolation import smoothstep
from lipsync_core.models.rig import basis
from lipsync_core.models.rig import topology as t
from lipsync_core.models.rig.neutral import PARTED, Neutral, Pose, lip_gap

LEFT, RIGHT, TOP, BOTTOM = -0.5, 0.5, -0.28, 0.82  # face units about the middle of the mouth
UPPER_WIDTHS = (
    0.092,
    0.074,
    0.070,
    0.052,
    0.040,
    0.030,
)  # face units: teeth from the middle outwards, as seen from the front
LOWER_WIDTHS = (0.058, 0.060, 0.062, 0.050, 0.040, 0.030)
UPPER_EDGES = (0.030, 0.018, 0.024, 0.010, 0.000, -0.010)  # face units below the lip line: where each upper tooth ends
LOWER_EDGES = (0.018, 0.018, 0.014, 0.024, 0.032, 0.040)
FADED = (0.012, 0.045)  # deviation of red against luma around the mouth: no colour at all, and full colour
LUMA = np.array([0.299, 0.587, 0.114])  # of RGB, BT.601
TOOTH_HEIGHT = 0.115  # face units
UPPER_GUM, LOWER_GUM = (0.62, 0.30, 0.30), (0.55, 0.26, 0.26)
TONGUE_DROP = 0.42  # of an opening; a tongue lies on the jaw but does not sink as far as the chin
TONGUE, CAVITY = (0.66, 0.31, 0.31), (0.17, 0.050, 0.050)


@dataclass(frozen=True)
class Interior:
    """Textures in face coordinates from (LEFT, TOP) to (RIGHT, BOTTOM), RGB 0..255 and alpha 0..1, float32.

    fixed: (4, h, w) what is fixed to the skull: the upper teeth, over them the picture's own where it shows some.
    jaw: (4, h, w) what moves with the jaw: the lower teeth.
    tongue: (4, h, w) what follows the jaw by TONGUE_DROP of an opening.
    cavity: (3,) colour behind them.
    """

    fixed: np.ndarray
    jaw: np.ndarray
    tongue: np.ndarray
    cavity: np.ndarray


def face_light(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(3,) RGB 0..255 that a white surface at the mouth would have, judged by the skin and the whites of the eyes."""
    points = landmarks[:, :2].astype(np.int32)
    skin_mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(skin_mask, cv2.convexHull(points[list(t.CHEEK + t.UNDER_LIP + t.NOSE)]), 255)
    lips = np.vstack([points[[61, *t.UPPER_OUTER, 291]], points[list(t.LOWER_OUTER[::-1])]])
    cv2.fillPoly(skin_mask, [lips], 0)
    eyes_mask = np.zeros_like(skin_mask)
    for upper, lower in ((t.LEFT_EYE_UPPER, t.LEFT_EYE_LOWER), (t.RIGHT_EYE_UPPER, t.RIGHT_EYE_LOWER)):
        cv2.fillPoly(eyes_mask, [np.vstack([points[list(upper)], points[list(lower)][::-1]])], 255)
    skin = image[skin_mask > 0].astype(np.float32)
    eyes = image[eyes_mask > 0].astype(np.float32)
    if len(skin) < 16:
        return np.full(3, 190.0, np.float32)
    bright = np.percentile(skin, 85, axis=0)
    skin_luma = float(bright @ LUMA)
    white = 0.72 * np.array([1.0, 0.97, 0.90]) + 0.28 * bright / bright.max()  # enamel leans to yellow, lips tint it
    if len(eyes) >= 16:
        luma = eyes @ LUMA
        sclera = eyes[luma >= np.percentile(luma, 80)].mean(0)
        white = 0.75 * white + 0.25 * sclera / sclera.max()
        level = 0.5 * skin_luma + 0.5 * float(sclera @ LUMA)
    else:
        level = skin_luma
    level = np.clip(level, 1.05 * skin_luma, 1.35 * skin_luma)
    colour: np.ndarray = np.clip(white / white.max() * level, 20, 245).astype(np.float32)
    return colour


def fade_colours(painted: Interior, image: np.ndarray, landmarks: np.ndarray) -> Interior:
    """A black-and-white or sepia picture gets a mouth without colours of its own, a faded one a pale one."""
    mask = np.zeros(image.shape[:2], np.uint8)
    around = landmarks[[50, 280, *t.CORNERS, 17, 0, 2], :2].astype(np.int32)  # lips and cheeks: they differ in colour
    cv2.fillConvexPoly(mask, cv2.convexHull(around), 255)
    colours = image[mask > 0].astype(np.float32)
    luma = colours @ LUMA
    lit = luma > 30
    if lit.sum() < 16:
        return painted
    chroma = colours[lit] / luma[lit, None]
    grey = 1 - float(_smooth(chroma[:, 0].std(), *FADED))
    tint = chroma.mean(0)

    def fade(layer: np.ndarray) -> np.ndarray:
        plain = np.tensordot(LUMA, layer[:3], 1) * tint.reshape(3, *[1] * (layer.ndim - 1))
        mixed = layer[:3] + (plain - layer[:3]) * grey
        return np.concatenate([np.clip(mixed, 0, 255), layer[3:]]).astype(np.float32)

    return Interior(fade(painted.fixed), fade(painted.jaw), fade(painted.tongue), fade(painted.cavity))


def _smooth(x: np.ndarray | float, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    return smoothstep((x - low) / (high - low))


def _arch(
    x: np.ndarray, y: np.ndarray, widths: tuple[float, ...], edges: tuple[float, ...], down: float, pixel: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A row of teeth: shade (h, w) 0..1, alpha (h, w) and gum alpha (h, w).

    x, y: face units from the middle of the lip line. down: 1 for teeth that point down, -1 for those that point up.
    pixel: face units of one texel, the width of an edge.
    """
    shade = np.zeros_like(x)
    alpha = np.zeros_like(x)
    gum = np.zeros_like(x)
    start = 0.0
    for n, (width, edge) in enumerate(zip(widths, edges, strict=True)):
        for side in (-1, 1):
            middle = side * (start + width / 2)
            p = (x - middle) / (width / 2)  # -1..1 across the tooth
            height = TOOTH_HEIGHT * (1 - 0.05 * n)
            # 0 at the biting edge, 1 at the gum
            up = (edge - y) * down / height
            corner = 0.10 * np.abs(p) ** 5 + (0.05 * np.clip(p * side, 0, 1) ** 2 if n else 0)
            inside = np.minimum((1 - np.abs(p)) * width / 2, (up - corner) * height)
            a = _smooth(inside, -0.6 * pixel, 0.9 * pixel)
            root = _smooth(up, 0.93 - 0.10 * (1 - p**2), 1.0 - 0.10 * (1 - p**2))
            body = 0.84 + 0.16 * np.sqrt(np.clip(1 - (p * 0.9) ** 2, 0, 1))
            body *= 0.93 + 0.07 * _smooth(up, 0.0, 0.35)  # the edge is thinner and lets the dark through
            body *= 1 - 0.10 * _smooth(up, 0.45, 1.0)
            body *= (1.0, 0.96, 0.90, 0.76, 0.60, 0.44)[n]
            fresh = a > alpha
            shade = np.where(fresh, body, shade)
            gum = np.where(fresh, root, gum)
            alpha = np.maximum(alpha, a)
        start += width
    # Between two teeth there is shadow, not a hole.
    band = _smooth(sum(widths) - np.abs(x), 0, 0.05) * _smooth(y * down, -0.2, -0.19)
    edge_line = np.interp(np.abs(x), np.cumsum(widths) - np.array(widths) / 2, edges)
    depth = (edge_line - y) * down
    filled = band * _smooth(depth, 0.012, 0.028)
    shade = np.where(alpha > 0.02, shade * alpha + 0.42 * (1 - alpha), 0.42)
    alpha = np.maximum(alpha, filled)
    return shade, alpha, np.maximum(gum, filled * _smooth(depth, 0.098, 0.112))


def _over(below: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay (3, h, w) colour with (h, w) alpha over (4, h, w) not-premultiplied layers."""
    total = alpha + below[3] * (1 - alpha)
    mixed = (colour * alpha + below[:3] * below[3] * (1 - alpha)) / np.maximum(total, 1e-4)
    return np.concatenate([mixed, total[None]]).astype(np.float32)


def paint_interior(light: np.ndarray, neutral: Neutral, scale: float) -> Interior:
    """light: (3,) from face_light. scale: texels per face unit."""
    height, width = round((BOTTOM - TOP) * scale), round((RIGHT - LEFT) * scale)
    rows = TOP + (np.arange(height) + 0.5) / height * (BOTTOM - TOP)
    columns = LEFT + (np.arange(width) + 0.5) / width * (RIGHT - LEFT)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    # Teeth follow the jaw's arch, seen from the front as a slight smile; their size follows the mouth's.
    size = np.clip(neutral.half_width / 0.24, 0.85, 1.15)
    middle = neutral.line[len(neutral.line) // 2]
    x, y = (x - middle[0]) / size, (y - middle[1]) / size
    curve = 0.10 * x**2
    pixel = 1 / scale
    tint = light[:, None, None]
    vignette = np.exp(-((np.abs(x) / 0.30) ** 4)) * 0.75 + 0.25

    def layer(colour: tuple[float, ...], alpha: np.ndarray, below: np.ndarray, shade: np.ndarray) -> np.ndarray:
        return _over(below, np.array(colour)[:, None, None] * tint * shade, alpha)

    empty = np.zeros((4, height, width), np.float32)
    empty[:3] = np.array(CAVITY)[:, None, None] * tint
    shade, alpha, gum = _arch(x, y + curve, UPPER_WIDTHS, UPPER_EDGES, 1, pixel)
    enamel = (1.0, 0.975, 0.93)
    fixed = layer(enamel, alpha * (y < 0.2), empty, shade * vignette)
    fixed = layer(UPPER_GUM, gum * alpha, fixed, vignette * 0.8)

    # The tongue lies behind the lower teeth: a soft body, lighter on its back, with a groove.
    rise = np.clip((y - 0.06) / 0.11, -1, 0)
    bulk = 1 - (x / 0.22) ** 2 - rise**2
    shape = _smooth(bulk, 0.0, 0.35) * (y < 0.8)
    groove = 1 - 0.14 * np.exp(-((x / 0.022) ** 2)) * _smooth(y, -0.02, 0.12)
    light_on = 0.30 + 0.60 * np.exp(-(((y - 0.10) / 0.10) ** 2)) * np.exp(-((x / 0.15) ** 2))
    tongue = layer(TONGUE, shape, empty, light_on * groove)
    shade, alpha, gum = _arch(x, y - 0.6 * curve, LOWER_WIDTHS, LOWER_EDGES, -1, pixel)
    jaw = layer(enamel, alpha, empty, shade * vignette * 0.82)
    jaw = layer(LOWER_GUM, gum * alpha, jaw, vignette * 0.7)
    cavity = (np.array(CAVITY) * light).astype(np.float32)
    fixed, jaw, tongue = (np.clip(part, 0, 255) for part in (fixed, jaw, tongue))
    return Interior(fixed, jaw, tongue, cavity)


class Inside:
    """Teeth, tongue and cavity, ready to be drawn."""

    def __init__(self, painted: Interior, device: torch.device) -> None:
        # from the back to the front, each with the share of an opening by which it sinks
        self._layers = [
            (torch.from_numpy(layer)[None].to(device), share)
            for layer, share in (
                (painted.tongue, TONGUE_DROP), (painted.jaw, basis.CHIN_DROP), (painted.fixed, 0.0),
            )
        ]  # fmt: skip
        self._cavity = torch.from_numpy(painted.cavity)[None, :, None, None].to(device)

    def draw(self, points: torch.Tensor, opening: torch.Tensor) -> torch.Tensor:
        """points: (n, 2, h, w) face coordinates. opening: (n,) face units. Returns (n, 3, h, w) colours 0..255."""
        count, _, height, width = points.shape
        x = (points[:, 0] - LEFT) * (2 / (RIGHT - LEFT)) - 1
        result = self._cavity.expand(count, -1, height, width)
        for texture, share in self._layers:
            y = points[:, 1] - (opening * share)[:, None, None]
            y = (y - TOP) * (2 / (BOTTOM - TOP)) - 1
            grid = torch.stack([x, y], -1).reshape(1, count * height, width, 2)
            seen = F.grid_sample(texture, grid, align_corners=False).reshape(4, count, height, width).transpose(0, 1)
            result = result + (seen[:, :3] - result) * seen[:, 3:]
        return result


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
