"""Files of the Hugging Face hub.

huggingface_hub knows the address, the user's token and what the hub states of a file; the bytes come by the same
transfer as all others, into the checkpoints folder and not into the hub's cache, which would hold them a second time.
"""

import os
from collections.abc import Mapping

from lipsync_core.checkpoints.entry import ModelFile
from lipsync_core.checkpoints.failures import SourceFailed
from lipsync_core.checkpoints.sources import HubSource
from lipsync_core.checkpoints.transfer import CONNECT_SECONDS
from lipsync_core.errors import Reason

HASH_DIGITS = 64  # of the etag of a large file, which is its SHA-256; small files have another one


def address(source: HubSource, file: ModelFile) -> tuple[str, Mapping[str, str]]:
    """Where a file is, and the headers to ask with.

    Raises SourceFailed where the hub cannot be reached, has no such file, or states another size or hash.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    constants.HF_HUB_DISABLE_TELEMETRY = True  # it would tell which torch is installed, and ask the hub about agents
    if constants.HF_HUB_OFFLINE:
        raise SourceFailed("HF_HUB_OFFLINE is set, and {hub} is on the Hugging Face hub", hub=source.hub)
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or constants.ENDPOINT
    url = hf_hub_url(source.hub, source.member, revision=source.revision, endpoint=endpoint)
    try:
        stated = get_hf_file_metadata(url, timeout=CONNECT_SECONDS, endpoint=endpoint)
    except Exception as error:  # of its HTTP library, of the hub's answer, of a token file: all mean that nothing came
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise SourceFailed("{url} cannot be had ({reason})", url=url, reason=Reason(said[0])) from None
    if stated.size is not None and stated.size != file.bytes:
        raise SourceFailed("{url} has {length} bytes, not {size}", url=url, length=stated.size, size=file.bytes)
    if file.sha256 and stated.etag and len(stated.etag) == HASH_DIGITS and stated.etag != file.sha256:
        raise SourceFailed("{url} has another hash than the one expected", url=url)
    return url, build_hf_headers()
