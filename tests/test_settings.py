"""Settings come from LIPSYNC_* variables; a mistake is told with what is allowed."""

import pytest

from lipsync_core.errors import LipsyncError
from lipsync_core.settings import read


def test_settings_name_the_variable_and_what_is_allowed():
    assert read({"LIPSYNC_THREADS": "3", "LIPSYNC_CACHE_LIMIT_BYTES": "500M", "HOME": "/"}).threads == 3
    assert read({"LIPSYNC_CACHE_LIMIT_BYTES": "1.5G"}).cache_limit_bytes == 3 * 2**29
    assert read({"LIPSYNC_LOW_LATENCY_BATCHES": "2, 4"}).low_latency_batches == (2, 4)
    assert read({"LIPSYNC_OFFLINE": ""}) == read({})
    with pytest.raises(LipsyncError, match="LIPSYNC_TREADS is not a setting; use LIPSYNC_THREADS"):
        read({"LIPSYNC_TREADS": "3"})
    for name, bad in [("FPS", "nan"), ("FPS", "0"), ("THREADS", "two"), ("DEVICE", "gpu"), ("OFFLINE", "maybe")]:
        with pytest.raises(LipsyncError, match=f"LIPSYNC_{name}='{bad}' is not allowed; use "):
            read({f"LIPSYNC_{name}": bad})
    with pytest.raises(LipsyncError, match="LIPSYNC_CACHE_DIR"):
        read({"LIPSYNC_CACHE_DIR": __file__})
    with pytest.raises(LipsyncError, match="LIPSYNC_API_KEY is not"):  # a secret is not repeated
        read({"LIPSYNC_API_KEY": "secret"})
