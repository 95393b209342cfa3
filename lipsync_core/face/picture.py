"""Decoding of pictures, still and animated, to upright 8-bit sRGB."""

import io
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_core.errors import LimitExceeded, LipsyncError

if TYPE_CHECKING:
    from PIL.Image import Image

# No format that runs an interpreter (EPS) or refers to other files.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
MAX_PIXELS = 89_000_000  # of a photo; 8K has 33 million. Pillow warns of decompression bombs a little above
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")  # further pictures in the other formats are pages, not frames
GIF_TRAILER = b";"
GIF_TAIL = 64  # bytes at the end in which the trailer is, as some programs pad files
BACKDROP = (236, 204)  # grey of the top and of the bottom row that show through transparent pictures: a soft light wall
SHORTEST_MS = 20  # of a frame of an animated picture; browsers take less, or nothing, for
UNSAID_MS = 100
ROWS = 16  # of a picture that are converted at a time: so many stay in the processor's cache
LOOK_BYTES = 2**18  # that a decoder takes between two looks whether the picture is still wanted


def open_picture(file: Any, name: str) -> "Image | None":
    """The picture in a file, its pixels not yet read; None when the file is not of a known picture format.

    Raises LipsyncError when it is too large.
    """
    from PIL import Image, UnidentifiedImageError  # costs 50 ms, and a remembered face needs no decoding

    try:
        Image.init()
        formats = [one for one in FORMATS if one in Image.OPEN]  # not each build of Pillow has AVIF
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below says it in words
            picture = Image.open(file, formats=formats)
    except UnidentifiedImageError:
        return None
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except Exception as error:  # a broken header makes Pillow raise almost anything
        raise _damaged(name) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large(name)
    return picture


class Watched(io.RawIOBase):
    """A file that tells `progress` how far its reader is, 0 to 1; what that raises ends the reading, and is `ended`."""

    def __init__(self, file: io.BufferedReader | io.BytesIO, progress: Callable[[float], object]) -> None:
        self.ended: BaseException | None = None
        self._file, self._progress = file, progress
        self._size = max(1, file.seek(0, io.SEEK_END))
        self._unseen = file.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._file.read(size)
        self._unseen += len(data)
        if self._unseen >= LOOK_BYTES:
            self._unseen = 0
            try:
                self._progress(min(1.0, self._file.tell() / self._size))
            except BaseException as error:
                self.ended = error
                raise
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def read_photo(
    file: io.BufferedReader | io.BytesIO, name: str, progress: Callable[[float], object] = lambda part: None
) -> np.ndarray:
    """(H, W, 3) uint8 RGB: turned as EXIF says, in sRGB, transparent parts before a light backdrop.

    progress: is called with 0..1 while the file is read; what it raises ends that. The decoders of WebP, AVIF and TIFF
    take the file as a whole and cannot be ended. Raises LipsyncError when it is too large, damaged or no picture.
    """
    from PIL import ImageOps

    watched = Watched(file, progress)
    picture = open_picture(watched, name)
    if picture is None:
        raise _damaged(name)
    try:
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        return _rgb(picture)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
        if watched.ended is not None:
            raise watched.ended from None
        raise _damaged(name) from error


def read_animation(
    picture: "Image", name: str, seconds: float, look: Callable[[], object] = lambda: None
) -> Iterator[tuple[float, np.ndarray]]:
    """Frames of an animated picture and the seconds at which each appears, then the end with the last frame again.

    Stops once `seconds` have passed. look: is called before each frame; what it raises ends the reading.
    Raises LipsyncError when not even the first frame can be read.
    """
    time = 0.0
    image = None
    for index in range(frame_count(picture)):
        look()
        try:
            picture.seek(index)
            picture.load()
            image = _rgb(picture)
        except MemoryError:
            raise
        except Exception as error:
            if image is None:
                raise _damaged(name) from error
            break  # What comes before the damage can be used, as with a video that was cut off.
        yield time, image
        duration = picture.info.get("duration", 0)
        time += (duration if duration >= SHORTEST_MS else UNSAID_MS) / 1000
        if time > seconds:
            break
    if image is not None:
        yield time, image


def frame_count(picture: "Image") -> int:
    """Frames of an animated picture; 1 for any other, and for one whose further frames cannot be read."""
    if picture.format not in ANIMATED:
        return 1
    try:
        return int(getattr(picture, "n_frames", 1))
    except Exception:  # counting reads the file, see read_photo
        return 1


def is_whole(file: io.BufferedReader | io.BytesIO, picture: "Image") -> bool:
    """Whether an animated picture's file has its end. Other formats than GIF are refused or say so when decoded."""
    if picture.format != "GIF":
        return True
    file.seek(-min(GIF_TAIL, file.seek(0, io.SEEK_END)), io.SEEK_END)
    return file.read().rstrip(b"\0").endswith(GIF_TRAILER)


def over_backdrop(image: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 RGBA before the backdrop: (H, W, 3) uint8 RGB."""
    if image[..., 3].min() == 255:
        return np.ascontiguousarray(image[..., :3])
    height, width = image.shape[:2]
    return _filled(height, width, lambda top, end: image[top:end])


def _filled(height: int, width: int, rows: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """(H, W, 3) uint8 RGB of some rows at a time, which are RGB, or RGBA and come before the backdrop."""
    rgb = np.empty((height, width, 3), np.uint8)
    greys = np.linspace(*BACKDROP, num=height, dtype=np.float32)
    for top in range(0, height, ROWS):
        part = rows(top, min(height, top + ROWS))
        if part.shape[2] == 4 and part[..., 3].min() < 255:
            grey = greys[top : top + ROWS, None, None]
            mixed = part[..., :3].astype(np.float32)
            mixed -= grey
            mixed *= part[..., 3:] * np.float32(1 / 255)
            mixed += grey + np.float32(0.5)
            rgb[top : top + ROWS] = mixed
        else:
            rgb[top : top + ROWS] = part[..., :3]
    return rgb


def _rgb(picture: "Image") -> np.ndarray:
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        return _from_deep_grey(np.asarray(picture))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return _array(_to_srgb(_in_mode(picture, "RGBA"), picture))
    return _array(_in_mode(_to_srgb(picture, picture), "RGB"))


def _array(picture: "Image") -> np.ndarray:
    """RGB or RGBA as (H, W, 3) uint8. Pillow's own way to an array holds a large picture twice more on its way."""
    width, height = picture.size
    return _filled(height, width, lambda top, end: np.asarray(picture.crop((0, top, width, end))))


def _in_mode(picture: "Image", mode: str) -> "Image":
    return picture if picture.mode == mode else picture.convert(mode)


def _from_deep_grey(grey: np.ndarray) -> np.ndarray:
    """(H, W) of 16 or 32 bits: Pillow would clip it at 255."""
    values = np.nan_to_num(grey.astype(np.float32))
    top = float(values.max(initial=0))
    # Numbers say nothing of their range: 0..1 for floats, else the least common one that holds them.
    white = 1.0 if grey.dtype.kind == "f" and top <= 1 else next((x for x in (255.0, 65535.0) if top <= x), top)
    if grey.dtype.itemsize == 2:
        white = 65535.0
    eight = np.clip(values * (255 / white) + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2)


def _to_srgb(picture: "Image", source: "Image") -> "Image":
    """From the colour profile that the file carries, such as Display P3 of phones or a printer's CMYK."""
    from PIL import ImageCms

    profile = source.info.get("icc_profile")
    if not profile or source.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(embedded).lower():
            return picture
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        if mode == "RGBA" and source.mode != "RGBA":
            return picture
        srgb, here = ImageCms.createProfile("sRGB"), picture.mode == mode
        converted = ImageCms.profileToProfile(picture, embedded, srgb, outputMode=mode, inPlace=here)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a broken profile is no reason to refuse the picture
    return converted or picture


def _damaged(name: str) -> LipsyncError:
    return LipsyncError("{name} is damaged or only a part of a picture; save or download it again.", name=name)


def _too_large(name: str) -> LipsyncError:
    return LimitExceeded(
        "{name} has more than {most} million pixels; make it smaller, 8K is enough.",
        name=name,
        most=MAX_PIXELS // 10**6,
    )


def read_array(image: np.ndarray, name: str) -> np.ndarray:
    """(H, W, 3 or 4) uint8 RGB or RGBA as (H, W, 3) uint8 RGB. Raises LipsyncError for any other array."""
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype != np.uint8 or 0 in image.shape:
        raise LipsyncError(
            "{name} is an array of {shape: x } {dtype}; give height x width x 3 or 4, uint8 RGB(A).",
            name=name,
            shape=image.shape,
            dtype=image.dtype,
        )
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise _too_large(name)
    return over_backdrop(image) if image.shape[2] == 4 else np.ascontiguousarray(image)
