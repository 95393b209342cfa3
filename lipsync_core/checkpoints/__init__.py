"""Which model files exist, where they come from, their hash and licence; verified download.

checkpoints/manifest.toml lists them. A file is handed out only when its size and hash are those of the manifest,
whether it was fetched or put there by hand.
"""

from lipsync_core.checkpoints.entry import Checkpoint, ModelFile
from lipsync_core.checkpoints.failures import Cancelled, NotAccepted
from lipsync_core.checkpoints.fetch import Progress, fetch, fetch_required
from lipsync_core.checkpoints.licences import accept, accepted
from lipsync_core.checkpoints.manifest import manifest
from lipsync_core.checkpoints.state import Listed, State, is_there, listing, path, paths, state

__all__ = [
    "Cancelled",
    "Checkpoint",
    "Listed",
    "ModelFile",
    "NotAccepted",
    "Progress",
    "State",
    "accept",
    "accepted",
    "fetch",
    "fetch_required",
    "is_there",
    "listing",
    "manifest",
    "path",
    "paths",
    "state",
]
