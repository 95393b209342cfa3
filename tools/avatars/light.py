"""Lights a height field: wrapped light with a warm shadow edge as in skin, soft cast shadows, occlusion and gloss."""

from dataclasses import dataclass

import cv2
import numpy as np

from tools.avatars.curves import Array, step
from tools.avatars.sheet import Sheet

KEY = np.array([1.00, 0.93, 0.84]) * 2.35
FILL = np.array([0.62, 0.72, 0.95]) * 0.34
SKY = np.array([0.72, 0.78, 0.90]) * 0.36
GROUND = np.array([0.90, 0.62, 0.50]) * 0.34
FILL_FROM = np.array([0.80, -0.12, 0.59])


def linear(colour: object) -> Array:
    """sRGB 0-255 to linear light 0-1."""
    c = np.asarray(colour, dtype=np.float64) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def encoded(light: Array) -> Array:
    """Linear light to sRGB 0-1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@dataclass
class Lit:
    """Light that arrives on a surface: `soft` (h, w, 3) for the albedo to be multiplied with, `gloss` (h, w, 3) of
    specular reflection at full strength, and the normals (h, w, 3)."""

    soft: Array
    gloss: Array
    normal: Array
    key: Array
    shade: Array


def normals(height: Array, sheet: Sheet) -> Array:
    """Unit normals (h, w, 3): right, down, to the viewer."""
    dx = cv2.Scharr(height, cv2.CV_32F, 1, 0) * (sheet.unit / 32)
    dy = cv2.Scharr(height, cv2.CV_32F, 0, 1) * (sheet.unit / 32)
    length = np.sqrt(dx**2 + dy**2 + 1)
    return np.stack([-dx / length, -dy / length, 1 / length], -1)


def cast(height: Array, towards: Array, sheet: Sheet, softness: float = 0.42, reach: float = 1.2) -> Array:
    """How much of the light from `towards` arrives, 0 to 1, past all that stands in its way."""
    factor = max(1, sheet.size // 640)
    small = (
        cv2.resize(height, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA) if factor > 1 else height
    )
    unit = sheet.unit / factor
    flat = towards / np.hypot(towards[0], towards[1])
    blocked = np.zeros_like(small)
    for distance in np.geomspace(0.02, reach, 44):
        shift = np.array([[1, 0, -flat[0] * distance * unit], [0, 1, -flat[1] * distance * unit]], np.float32)
        ahead = cv2.warpAffine(small, shift, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        over = (ahead - small - flat[2] * distance) / (softness * (0.25 + distance))
        np.maximum(blocked, over, out=blocked)
    lit = 1 - 0.72 * step(0.0, 1.0, blocked)
    return np.asarray(cv2.resize(lit, height.shape[::-1], interpolation=cv2.INTER_LINEAR)) if factor > 1 else lit


def occlusion(height: Array, sheet: Sheet) -> Array:
    """Ambient light that reaches each point, 0 to 1: less where the surroundings stand higher."""
    hidden = np.zeros_like(height)
    for radius, strength in ((0.02, 2.2), (0.06, 1.5), (0.16, 0.9), (0.40, 0.45)):
        hidden += strength * np.clip(sheet.blur(height, radius) - height, 0, 0.4)
    return np.exp(-1.9 * hidden)


def light(
    height: Array,
    sheet: Sheet,
    key_from: tuple[float, float, float],
    bleed: float = 1.0,
    shadow_height: Array | None = None,
) -> Lit:
    """`bleed`: how far light spreads under the surface, 1 for skin, 0 for cloth."""
    height = np.ascontiguousarray(height, dtype=np.float32)
    towards = np.array(key_from) / np.linalg.norm(key_from)
    sharp = normals(height, sheet)
    shade = cast(height if shadow_height is None else shadow_height.astype(np.float32), towards, sheet)
    open_sky = occlusion(height, sheet)
    soft = np.empty((*height.shape, 3), np.float32)
    for channel, (spread, wrap) in enumerate(((0.050, 0.34), (0.022, 0.18), (0.012, 0.12))):
        n = normals(sheet.blur(height, spread * bleed), sheet) if bleed else sharp
        n = 0.55 * n + 0.45 * sharp if bleed else n
        w = wrap * bleed
        facing = np.clip((n @ towards + w) / (1 + w), 0, 1) ** (1 + 0.35 * w)
        arriving = sheet.blur(shade, 0.008 + spread * 0.8 * bleed)
        fill = np.clip((n @ FILL_FROM + 0.3) / 1.3, 0, 1)
        up = 0.5 - 0.5 * n[..., 1]
        ambient = (SKY[channel] * up + GROUND[channel] * (1 - up)) * open_sky ** (1 - 0.35 * bleed * (channel == 0))
        soft[..., channel] = (
            KEY[channel] * facing * arriving + FILL[channel] * fill * (0.35 + 0.65 * open_sky) + ambient
        )
    half = towards + np.array([0.0, 0.0, 1.0])
    half = half / np.linalg.norm(half)
    half_fill = FILL_FROM + np.array([0.0, 0.0, 1.0])
    half_fill = half_fill / np.linalg.norm(half_fill)
    edge = (1 - np.clip(sharp[..., 2], 0, 1)) ** 4
    shine = np.clip(sharp @ half, 0, 1)
    gloss = (0.75 * shine**18 + 1.4 * shine**60)[..., None] * KEY * sheet.blur(shade, 0.01)[..., None]
    gloss = gloss + (0.35 * np.clip(sharp @ half_fill, 0, 1) ** 22)[..., None] * FILL + 1.2 * edge[..., None] * SKY
    return Lit(soft, gloss * open_sky[..., None] ** 1.5, sharp, shade, open_sky)
