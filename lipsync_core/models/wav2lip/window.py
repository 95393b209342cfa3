"""Which part of each decoder level has to be computed for a part of the picture."""

from dataclasses import dataclass

SIDES = (3, 6, 12, 24, 48, 96)  # pixels of the decoder's levels
RESIDUALS = 2  # 3 x 3 convolutions of a level after its transposed one
OUTPUT = 1  # 3 x 3 convolution of the output block


@dataclass(frozen=True)
class Window:
    """Rows top to bottom and columns left to right, the last ones excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def part(self) -> tuple[slice, slice]:
        """To index the last two axes of a tensor that covers everything."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: "Window") -> tuple[slice, slice]:
        """To index the last two axes of a tensor that covers `outer`."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )

    def grown(self, by: int, side: int) -> "Window":
        """Larger by so many pixels each way, inside a square of `side`."""
        return Window(
            max(0, self.top - by), min(side, self.bottom + by), max(0, self.left - by), min(side, self.right + by)
        )


@dataclass(frozen=True)
class Step:
    """A level of the decoder. needed: what must be right of the level before; made: what is computed of this one.

    doubled: what the transposed convolution makes of `needed`. The convolutions that follow spoil the border of
    `made` where it is not the picture's; `made` is so much larger that nothing that is needed later is spoilt.
    """

    needed: Window
    doubled: Window
    made: Window


def steps(wanted: Window) -> list[Step]:
    """For a part of the 96 x 96 picture: the levels 6, 12, ..., 96, in the decoder's order.

    A transposed convolution of stride 2 makes row o of the rows o // 2 and (o + 1) // 2 before it.
    """
    found = []
    made = wanted.grown(RESIDUALS + OUTPUT, SIDES[-1])
    for side in reversed(SIDES[:-1]):
        needed = Window(
            made.top // 2, min(side, made.bottom // 2 + 1), made.left // 2, min(side, made.right // 2 + 1)
        )  # fmt: skip
        doubled = Window(2 * needed.top, 2 * needed.bottom, 2 * needed.left, 2 * needed.right)
        found.append(Step(needed, doubled, made))
        made = needed.grown(RESIDUALS, side)
    return found[::-1]
