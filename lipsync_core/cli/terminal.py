"""What a terminal shows: columns that line up, and a progress bar."""

import sys
import time
import unicodedata
from collections.abc import Sequence
from types import TracebackType
from typing import Any

SECONDS_BETWEEN = 0.1  # redraws
SMOOTHING = 0.05  # weight of the newest step in the time left: frames come in batches


class ProgressBar:
    """Context manager that draws one bar on stderr where that is a terminal.

    label: what is going on. unit: of what is counted. quiet: draw nothing in any case.
    """

    def __init__(self, label: str, unit: str = "", quiet: bool = False) -> None:
        self._bar: Any = None
        self._unit = unit
        self._start = time.monotonic()
        if not quiet and sys.stderr.isatty():
            from tqdm import tqdm  # here, because most runs draw nothing

            self._bar = tqdm(
                total=1.0,
                desc=label,
                bar_format="{desc} {percentage:3.0f} %|{bar}| {elapsed}<{remaining}{postfix}",
                mininterval=SECONDS_BETWEEN,
                smoothing=SMOOTHING,
                dynamic_ncols=True,
                leave=False,
            )

    def show(self, part: float | None, count: float = 0) -> None:
        """Show what part is done, 0 to 1 or None where nobody knows, and how many of the unit so far."""
        if self._bar is None:
            return
        if part is None:
            self._bar.bar_format = "{desc} {elapsed}{postfix}"
        if self._unit:
            rate = count / max(time.monotonic() - self._start, 1e-9)
            self._bar.set_postfix_str(f"{count:.0f} {self._unit}, {rate:.0f}/s", refresh=False)
        self._bar.update((part or 0) - self._bar.n if part is not None else SECONDS_BETWEEN)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lines with two spaces between columns; the last column is as wide as it needs."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] if rows else []
    lines = []
    for row in rows:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Places that a terminal gives to a text: two to a Chinese character, none to a combining mark."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
