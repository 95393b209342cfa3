"""How far a take has got is known while it is made."""

import numpy as np

from lipsync_core import Studio

TEXT = "One. Two and three, said slowly. Then comes four.  "


def test_progress_follows_the_text():
    with Studio().take(TEXT, size=64, voice="espeak:en-us", batch_size=1) as take:
        shown = [take.progress for _ in take]
        assert all(0 <= part <= 1 for part in shown)
        assert shown == sorted(shown)
        assert shown[0] < 0.7  # the queue is full at once
        assert take.progress == 1


def test_progress_of_a_recording_is_not_known():
    with Studio().take(audio=(np.zeros(8000, np.float32), 8000), size=64) as take:
        assert len(list(take)) == 25
        assert take.progress is None
