"""Puts a portrait together: backdrop, hair behind, body, head, eyes, hair in front, and the finish of a photograph."""

import cv2
import numpy as np

from tools.avatars import clothes, eyes, skin, styles
from tools.avatars.backdrop import backdrop
from tools.avatars.curves import Array, mix, step
from tools.avatars.head import Head, sculpt
from tools.avatars.light import Lit, encoded, light, linear, normals
from tools.avatars.person import Person
from tools.avatars.sheet import Sheet


def draw(person: Person, size: int, finer: int = 2) -> Array:
    """The portrait (size, size, 3) uint8 sRGB; drawn `finer` times larger and shrunk."""
    sheet = Sheet(size * finer, person.seed)
    head = sculpt(person, sheet)
    hair = styles.STYLES[person.hair](person, head, sheet)

    image = backdrop(person, sheet)
    image = _over(image, hair.back)
    # Hair in front takes light from the skin under it; a blurred and shifted copy of it is shade enough.
    covered = np.zeros_like(sheet.x) if hair.front is None else hair.front[1]
    shade = _hair_shade(covered, person, sheet)

    image = _body(image, head, shade, sheet)
    image = _ears(image, head, shade, sheet)
    image = _face(image, head, shade, hair, sheet)
    image = _over(image, hair.front)
    return _finish(image, person, size, sheet)


def _body(image: Array, head: Head, shade: Array, sheet: Sheet) -> Array:
    person = head.person
    under_chin = sheet.blur(np.roll(head.face, int(0.13 * sheet.unit), axis=0), 0.13)
    lit = light(head.trunk, sheet, person.key, shadow_height=np.where(head.face > 0.5, head.height, head.trunk))
    lit.soft *= (1 - 0.62 * under_chin)[..., None] * mix(1.0, np.array([1.0, 0.93, 0.90]), under_chin)
    lit.gloss *= (1 - 0.8 * under_chin)[..., None]
    neck = skin.bare(head, lit, sheet) * (1 - 0.55 * shade)[..., None]
    image = mix(image, neck, head.neck)
    return clothes.dress(image, head, np.maximum(under_chin, 1.1 * shade), sheet)


def _ears(image: Array, head: Head, shade: Array, sheet: Sheet) -> Array:
    height, cover = head.ears
    lit = light(height, sheet, head.person.key)
    ear = skin.bare(head, lit, sheet) * np.array([1.06, 0.84, 0.80])
    near = sheet.blur(head.face, 0.04)
    ear = ear * (1 - 0.45 * near - 0.35 * shade)[..., None]
    return mix(image, ear, cover)


def _face(image: Array, head: Head, shade: Array, hair: styles.Hair, sheet: Sheet) -> Array:
    person = head.person
    lit = light(head.height, sheet, person.key)
    warm = mix(1.0, np.array([0.46, 0.33, 0.29]), np.clip(shade, 0, 1))
    lit.soft *= warm
    lit.gloss *= (1 - shade)[..., None]
    face = skin.shaded(head, lit, sheet)
    face = mix(face, face * linear(person.brow) ** 0.5 * 0.9, 0.62 * eyes.brow_shade(head, sheet))
    if hair.roots is not None:
        face = mix(face, linear(person.hair_colours[0]) * 1.2, hair.roots)
    face = eyes.paint(face, head, sheet)
    face = _rim(face, head, lit, sheet)
    image = mix(image, face, head.face)
    image = _over(image, eyes.brows(head, sheet))
    return _over(image, eyes.lashes(head, sheet))


def _rim(face: Array, head: Head, lit: Lit, sheet: Sheet) -> Array:
    side = 1.0 if head.person.key[0] < 0 else -1.0
    n = normals(sheet.blur(head.height, 0.01), sheet)
    edge = step(0.62, 1.0, np.clip(n[..., 0] * side, 0, 1)) * step(0.0, 0.3, side * sheet.x) * step(1.62, 1.2, sheet.y)
    return (
        face + 0.30 * edge[..., None] * linear(head.person.rim) * (0.25 + linear(head.person.skin)) * lit.key[..., None]
    )


def _hair_shade(cover: Array, person: Person, sheet: Sheet) -> Array:
    key = np.array(person.key)
    total = np.zeros_like(cover)
    for distance, blur, strength in ((0.04, 0.022, 0.50), (0.12, 0.07, 0.40)):
        move = np.array([[1, 0, -key[0] * distance * sheet.unit], [0, 1, -key[1] * distance * sheet.unit]], np.float32)
        moved = cv2.warpAffine(cover.astype(np.float32), move, cover.shape[::-1])
        total = np.maximum(total, strength * sheet.blur(moved, blur)) + 0.25 * strength * sheet.blur(moved, blur * 2)
    return np.clip(total, 0, 0.9)


def _over(image: Array, layer: tuple[Array, Array] | None) -> Array:
    return image if layer is None else mix(image, linear(layer[0] * 255), layer[1])


def _finish(image: Array, person: Person, size: int, sheet: Sheet) -> Array:
    bright = np.clip(image - 0.75, 0, 2)
    image = (
        image + 0.10 * sheet.blur(bright.astype(np.float32), 0.05) + 0.05 * sheet.blur(bright.astype(np.float32), 0.25)
    )
    image = image * (1 - 0.16 * step(2.3, 4.4, np.hypot(sheet.x, (sheet.y - 0.5) * 0.95)))[..., None]
    image = cv2.resize(image.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    tone = 1 - np.exp(-((1.50 * np.clip(image, 0, None)) ** 1.20))
    picture = encoded(tone)
    picture = picture + 0.030 * np.sin(2 * np.pi * (picture - 0.5)) * 0.5  # a little contrast
    sharp = picture + 0.35 * (picture - cv2.GaussianBlur(picture, (0, 0), max(0.4, size / 1280)))
    grain = np.random.default_rng([person.seed, 99]).standard_normal((size, size, 1)) * 0.004
    return (np.clip(sharp + grain, 0, 1) * 255 + 0.5).astype(np.uint8)
