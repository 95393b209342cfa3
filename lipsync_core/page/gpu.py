"""Spaces with ZeroGPU lend a GPU for the time of a function that is marked; elsewhere there is nothing to mark."""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
SECONDS = 120  # that one run may hold the GPU


def with_gpu(function: Function) -> Function:
    """The function, marked where the package `spaces` is there. Its arguments and results must be picklable."""
    try:
        import spaces
    except ImportError:
        return function
    marked: Function = spaces.GPU(duration=SECONDS)(function)
    return marked
