"""The page's live picture. In a module of its own, because Gradio writes a .pyi file beside a component's module."""

import base64
from typing import Any

import gradio as gr
import numpy as np
import simplejpeg
from gradio.data_classes import ImageData

from lipsync_core.settings import settings


class PreviewImage(gr.Image):
    """gr.Image that sends a frame, (H, W, 3) uint8 RGB, inside the event; gr.Image itself leaves a file for each."""

    def get_block_name(self) -> str:
        return "image"  # the page draws it as it draws any gr.Image

    def postprocess(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return super().postprocess(value)
        jpeg = simplejpeg.encode_jpeg(
            np.ascontiguousarray(value), quality=settings().jpeg_quality, colorspace="RGB", colorsubsampling="420"
        )
        return ImageData(url=f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}", mime_type="image/jpeg")
