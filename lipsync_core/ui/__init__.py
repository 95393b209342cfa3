"""The page: text or speech and a face in; the face speaks live, and as an MP4 at the end."""

from lipsync_core.installation import extra

with extra("ui", "The page"):
    from lipsync_core.ui.serve import make_page, serve

__all__ = ["make_page", "serve"]
