"""Spaces with ZeroGPU lend a GPU for the time of a function that is marked; elsewhere there is nothing to mark."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lipsync_core import Studio, TakeOptions
from lipsync_core.jobs.page_render import Moment, perform
from lipsync_core.models import model_info
from lipsync_core.settings import settings

SECONDS = 120  # that one run may hold the GPU

Perform = Callable[[TakeOptions, Path], Iterator[Moment]]


def performer(studio: Studio) -> Perform:
    """`perform` with this studio; with a GPU where the package `spaces` is there and the model has a use for it.

    A marked function runs in a process of its own, to which only what can be pickled is sent: the studio is not, it is
    there because that process is forked from this one.
    """

    def here(options: TakeOptions, folder: Path) -> Iterator[Moment]:
        yield from perform(studio, options, folder)

    try:
        import spaces
    except ImportError:
        return here
    lent: Perform = spaces.GPU(duration=SECONDS)(here)

    def either(options: TakeOptions, folder: Path) -> Iterator[Moment]:
        return (lent if model_info(options.model or settings().model).uses_gpu else here)(options, folder)

    return either
