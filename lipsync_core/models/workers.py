"""Parts of a batch on several cores."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import torch

from lipsync_core.settings import settings

Part = TypeVar("Part")
Result = TypeVar("Result")


def in_order(work: Callable[[Part], Result], parts: Iterator[Part], most: int) -> Iterator[Result]:
    """`work` of each part, in the parts' order; several at once, each on one core.

    most: how many parts there are at most. They are asked for one by one, when a core is about to need one.

    Torch's own way, many cores on each small operation, is as quick on an idle machine, but waits busily for its
    slowest thread: beside one other busy process it is several times slower than this. Closing the iterator waits
    for the parts that have begun, and for those only.
    """
    torch.set_num_threads(1)  # of this thread, and of those that begin after it
    count = min(_cores(), most)
    if count < 2:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(count, "draw") as pool:
        begun: deque[Future[Result]] = deque()
        try:
            begun.extend(pool.submit(work, part) for part in islice(parts, count + 1))
            while begun:
                done = begun.popleft().result()
                begun.extend(pool.submit(work, part) for part in islice(parts, 1))
                yield done
        finally:
            pool.shutdown(cancel_futures=True)


def _cores() -> int:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings().threads or available
