"""Pictures that are drawn and not yet seen."""

import numpy as np


class FrameBuffer:
    """By the index of their frame. Its owner's lock guards it.

    end: index after the last picture that is drawn, or is being drawn. generation: changes whenever pictures are
    discarded, so that one that was begun before is recognised.
    """

    def __init__(self) -> None:
        self.end = self.generation = 0
        self._images: dict[int, np.ndarray] = {}

    def __contains__(self, index: int) -> bool:
        return index in self._images

    def put(self, index: int, image: np.ndarray, generation: int) -> bool:
        """Add (H, W, 3) uint8 RGB; False where it is not wanted any more."""
        if generation != self.generation:
            return False
        self._images[index] = image
        return True

    def take(self, index: int) -> tuple[np.ndarray | None, bool]:
        """The picture to be seen with a frame, and whether it is its own; where that is not drawn, one that has come
        too late for the frame before it, else None.
        """
        own = index in self._images
        due = [key for key in self._images if key <= index]
        image = self._images[max(due)] if due else None
        for key in due:
            del self._images[key]
        return image, own

    def discard(self, index: int) -> None:
        """Pictures from this index on are to be drawn anew."""
        if self.end > index:
            self.end = index
            self.generation += 1
            for key in [key for key in self._images if key >= index]:
                del self._images[key]
