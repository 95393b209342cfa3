"""The HTTP API: a FastAPI application that is served alone or beside the page, on one port."""

from lipsync_core.installation import extra

with extra("server", "The HTTP API"):
    from lipsync_core.server.app import make_api
    from lipsync_core.server.mount import launch_options

__all__ = ["launch_options", "make_api"]
