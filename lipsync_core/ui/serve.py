"""The page and the HTTP API on one port."""

import asyncio
import logging
import os
import threading
import time
from contextlib import suppress
from typing import Any

import gradio as gr
from fastapi import FastAPI

from lipsync_core import LipsyncError
from lipsync_core.jobs.idle_connections import end_idle
from lipsync_core.settings import settings
from lipsync_core.ui.handlers import Desk
from lipsync_core.ui.layout import VISITORS_AT_ONCE, build, look

WAKING_SECONDS = 0.5  # between two looks for a signal, where another thread was woken by it
ENDING_SECONDS = 0.5  # that runs have to end when the server stops, and then other streams before they are broken off


def make_page(api: FastAPI) -> tuple[gr.Blocks, Desk]:
    """The page over the service of an API, and what its events do."""
    desk = Desk(api.state.service)
    return build(desk), desk


def serve(api: FastAPI, options: dict[str, Any], share: bool = False) -> None:
    """Serve until interrupted.

    options: of `launch(app_kwargs=...)`, which serve the API too. GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set
    where; share adds a public link.
    """
    if share:
        os.environ["GRADIO_SHARE"] = "True"  # who may do what depends on it
    # Gradio asks for its folder as the page is made: what visitors send goes with the rest, also after a kill.
    api.state.service.folder.take_all()
    page, desk = make_page(api)
    threading.Thread(target=_warm_up, args=(desk,), name="warm-up").start()
    options = options | {"routes": [*options["routes"], desk.sounds.route]}
    try:
        page.queue(max_size=VISITORS_AT_ONCE).launch(
            app_kwargs=options, ssr_mode=False, max_file_size=settings().max_upload_bytes,
            prevent_thread_lock=True,  # Gradio's own wait ends without ending the streams, and then waits for them
            **look(),
        )  # fmt: skip
        asyncio.run_coroutine_threadsafe(end_idle(page.server.server_state.connections), api.state.loop)
        while True:
            time.sleep(WAKING_SECONDS)
    except KeyboardInterrupt:
        desk.close(ENDING_SECONDS)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what is broken off now is so on purpose
        if server := getattr(page, "server", None):
            server.config.timeout_graceful_shutdown = ENDING_SECONDS
            page.close(verbose=False)


def _warm_up(desk: Desk) -> None:
    """Load what the first visitor would wait for."""
    with suppress(LipsyncError):  # such as a missing file; the visitor is told
        desk.service.studio.warm_up()
