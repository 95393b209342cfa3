"""Which model files exist, where they come from, their hash and licence; verified download.

checkpoints/manifest.toml lists them. A file is handed out only when its size and SHA-256 are those of the manifest,
whether it was fetched or put there by hand.
"""

from lipsync_core.checkpoints.fetch import Cancelled, Progress, fetch
from lipsync_core.checkpoints.manifest import Checkpoint, manifest
from lipsync_core.checkpoints.verify import NotAccepted, accept, accepted, is_there, listing, path, state

__all__ = ["Cancelled", "Checkpoint", "NotAccepted", "Progress", "accept", "accepted"]
__all__ += ["fetch", "is_there", "listing", "manifest", "path", "state"]
