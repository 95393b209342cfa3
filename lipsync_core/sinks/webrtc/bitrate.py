"""How many bits a second the picture gets."""

BITS_PER_PIXEL = 6  # and second: 1.6 Mbit/s at 512 x 512
LOWEST, HIGHEST = 250_000, 4_000_000  # bits/s
SETTLE_SECONDS = 2.0  # between two changes: each one costs a whole picture
RISE = 1.5  # at most, from one change to the next
WINDOW_SECONDS = 1.0  # over which is measured what goes out


class Bitrate:
    """Starts at what the picture deserves, and follows the receiver's estimates only where they are a true limit.

    A receiver cannot estimate much more than what it gets, and a still face needs little. So an estimate above what is
    sent says nothing, and one below it says that the network is full.
    """

    def __init__(self, pixels: int) -> None:
        self.wanted = min(HIGHEST, max(600_000, pixels * BITS_PER_PIXEL))
        self.value = self.wanted
        self._changed = self._began = 0.0
        self._bits = 0
        self._sent = 0.0  # bits/s in the last whole window

    def count(self, size: int, now: float) -> None:
        """Count an encoded picture of `size` bytes. now: on the monotonic clock."""
        self._bits += size * 8
        if now - self._began >= WINDOW_SECONDS:
            self._sent = self._bits / (now - self._began)
            self._began, self._bits = now, 0

    def estimate(self, bits: int, now: float) -> None:
        """Take in what the receiver believes the network can carry, in bits/s."""
        if now - self._changed < SETTLE_SECONDS:
            return
        full = bits < self._sent
        value = max(LOWEST, bits) if full else min(self.wanted, round(self.value * RISE))
        if full or self.value < self.wanted:
            self.value, self._changed = value, now
