"""Offers as they come from browsers."""

import re

from lipsync_core.errors import LimitExceeded, LipsyncError

# Browsers hide their addresses behind names that only the local network can resolve; aioice would wait a second for
# each. It learns the address anyway, from the first packet that comes.
HIDDEN = re.compile(r"a=candidate:[^\r\n]*\.local [^\r\n]*\r?\n")
MOST_CANDIDATES = 40  # to each of which packets are sent


def checked(sdp: str) -> str:
    """The offer without hidden candidates. Raises LipsyncError for one that cannot be answered with this stream."""
    kinds = re.findall(r"^m=(\w+) ", sdp, re.MULTILINE)
    if kinds.count("video") != 1 or kinds.count("audio") != 1:
        raise LipsyncError("The offer must ask for one video and one audio track; add two transceivers that receive.")
    sdp = HIDDEN.sub("", sdp)
    if len(re.findall(r"^a=candidate:", sdp, re.MULTILINE)) > MOST_CANDIDATES:
        raise LimitExceeded("The offer has more than {most} candidates; leave some out.", most=MOST_CANDIDATES)
    return sdp
