"""Draws hairs: many thin ribbons at once, each with its own width and colour along its length."""

import cv2
import numpy as np
import skia

from tools.avatars.curves import Array
from tools.avatars.sheet import Sheet

FINER = 2  # the strands are drawn this many times larger and then shrunk, which smooths their edges
BATCH_VERTICES = 60_000  # skia indexes a mesh with 16 bits


class Brush:
    """A transparent layer of the sheet's size on which strands are drawn, later ones over earlier ones."""

    def __init__(self, sheet: Sheet):
        self.sheet = sheet
        self.surface = skia.Surface(sheet.size * FINER, sheet.size * FINER)
        self.surface.getCanvas().clear(skia.ColorTRANSPARENT)

    def draw(self, points: Array, width: Array | float, colour: Array) -> None:
        """points (n, m, 2) and width (n, m) in face units, colour (n, m, 4) sRGB and alpha, 0 to 1."""
        n, m = points.shape[:2]
        at = self.sheet.pixels(points) * FINER
        along = np.gradient(at, axis=1)
        length = np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
        across = np.stack([-along[..., 1], along[..., 0]], -1) / length
        wide = np.broadcast_to(width, (n, m)) * self.sheet.unit * FINER
        # A ribbon under a pixel wide would flicker; it is drawn a pixel wide and thinner in alpha instead.
        alpha = np.clip(colour[..., 3] * np.clip(wide, 0, 1), 0, 1)
        half = 0.5 * np.maximum(wide, 1.0)[..., None] * across
        vertices = np.stack([at - half, at + half], 2).reshape(n, 2 * m, 2)
        rgb = (np.clip(colour[..., :3], 0, 1) * 255 + 0.5).astype(np.uint32)
        packed = ((alpha * 255 + 0.5).astype(np.uint32) << 24) | (rgb[..., 0] << 16) | (rgb[..., 1] << 8) | rgb[..., 2]
        packed = np.repeat(packed, 2, axis=1)
        first = 2 * np.arange(m - 1)[:, None]
        one = (first + np.array([0, 1, 2, 1, 3, 2])).ravel()
        per_batch = max(1, BATCH_VERTICES // (2 * m))
        paint = skia.Paint(AntiAlias=True)
        canvas = self.surface.getCanvas()
        for start in range(0, n, per_batch):
            chunk = vertices[start : start + per_batch].reshape(-1, 2).tolist()
            count = len(chunk) // (2 * m)
            indices = (one[None] + 2 * m * np.arange(count)[:, None]).ravel().tolist()
            mesh = skia.Vertices(
                skia.Vertices.kTriangles_VertexMode,
                [skia.Point(a, b) for a, b in chunk],
                None,
                packed[start : start + per_batch].ravel().tolist(),
                indices,
            )
            canvas.drawVertices(mesh, paint, skia.BlendMode.kDst)

    def layer(self) -> tuple[Array, Array]:
        """Colour (size, size, 3) in sRGB 0 to 1, not multiplied with alpha, and alpha (size, size)."""
        picture = self.surface.toarray(colorType=skia.kRGBA_8888_ColorType).astype(np.float32) / 255
        alpha = picture[..., 3]
        picture[..., :3] *= alpha[..., None]
        size = self.sheet.size
        small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        alpha = small[..., 3]
        return small[..., :3] / np.maximum(alpha, 1e-4)[..., None], alpha
