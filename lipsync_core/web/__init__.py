"""The HTTP API: a FastAPI application that is served alone or beside the page, on one port."""

from .api import make_api
from .beside import launch_options

__all__ = ["launch_options", "make_api"]
