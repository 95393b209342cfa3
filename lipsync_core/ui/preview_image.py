"""The page's live picture. In a module of its own, because Gradio writes a .pyi file beside a component's module."""

import base64
import time
from typing import Any

import gradio as gr
import numpy as np
import simplejpeg
from gradio.data_classes import ImageData

from lipsync_core import Frame
from lipsync_core.settings import settings


class PreviewImage(gr.Image):
    """gr.Image that sends a frame inside the event; gr.Image itself leaves a file for each.

    Takes (H, W, 3) uint8 RGB, or a Frame, whose time then stands in the picture's address, so that the page knows when
    it has painted which moment: `t`, and `at`, when it was sent, in milliseconds since 1970.
    """

    def get_block_name(self) -> str:
        return "image"  # the page draws it as it draws any gr.Image

    def postprocess(self, value: Any) -> Any:
        image = value.image if isinstance(value, Frame) else value
        if not isinstance(image, np.ndarray):
            return super().postprocess(value)
        moment = f"t={value.time * 1000:.1f};at={time.time() * 1000:.1f};" if isinstance(value, Frame) else ""
        jpeg = simplejpeg.encode_jpeg(
            np.ascontiguousarray(image), quality=settings().jpeg_quality, colorspace="RGB", colorsubsampling="420"
        )
        url = f"data:image/jpeg;{moment}base64,{base64.b64encode(jpeg).decode()}"
        return ImageData(url=url, mime_type="image/jpeg")
