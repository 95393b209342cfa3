"""A speed test of three seconds."""

SECONDS = 1.5  # for each of the two figures


def speed() -> dict[str, float]:
    """Frames drawn a second at 512x512, and seconds of MP4 made in one second, of a default avatar."""
    import numpy as np

    from lipsync_core.bench import speed as bench
    from lipsync_core.core.studio import Studio

    studio = Studio()
    avatar = studio.avatar(size=bench.SIZE)
    # A hum instead of a voice: there may be none.
    hum = (0.1 * np.sin(np.arange(48000 * 60) * 0.02)).astype(np.float32), 48000
    bench.frames_per_second(studio, avatar, hum, limit=0.1)  # loads what the first frame needs
    drawn = bench.frames_per_second(studio, avatar, hum, SECONDS)
    factor = bench.mp4_factor(studio, avatar, hum, 60.0, SECONDS)
    return {"size": bench.SIZE, "frames_per_second": round(drawn, 1), "realtime_factor": round(factor, 2)}
