"""The page and the HTTP API on one port."""

import threading
from contextlib import suppress

import gradio as gr
from fastapi import FastAPI

from lipsync_core import LipsyncError
from lipsync_core.settings import settings
from lipsync_core.web import launch_options

from .desk import Desk
from .layout import VISITORS_AT_ONCE, build, look


def make_page(api: FastAPI) -> tuple[gr.Blocks, Desk]:
    """The page over the service of an API, and what its events do."""
    desk = Desk(api.state.service)
    return build(desk), desk


def serve(api: FastAPI, share: bool = False) -> None:
    """Serve until interrupted; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set where, share adds a public link."""
    page, desk = make_page(api)
    threading.Thread(target=_warm_up, args=(desk,), name="warm-up").start()
    options = launch_options(api)
    options["routes"] = [*options["routes"], desk.sounds.route]
    page.queue(max_size=VISITORS_AT_ONCE).launch(
        app_kwargs=options, ssr_mode=False, share=share or None, max_file_size=settings().max_upload_bytes, **look()
    )


def _warm_up(desk: Desk) -> None:
    """Load what the first visitor would wait for."""
    with suppress(LipsyncError):  # such as a missing file; the visitor is told
        desk.service.studio.warm_up()
