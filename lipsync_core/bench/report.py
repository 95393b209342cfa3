"""The figures as a table for people; as Markdown, so that it can be kept."""

from typing import Any

from lipsync_core.bench.figures import FIGURES


def report(measured: dict[str, Any]) -> str:
    """What `measure` returned, as text."""
    lines = [f"{name}: {value}" for name, value in measured["machine"].items() if value is not None]
    lines += ["", "| figure | measured | goal | reached |", "| --- | --- | --- | --- |"]
    for figure in FIGURES:
        value = measured["figures"][figure.name]
        bound = f"{'at most' if figure.less else 'at least'} {figure.goal:g}"
        shown = "not measured" if value is None else f"{value:.{0 if value >= 50 else 2}f} {figure.unit}"
        reached = "" if value is None else "yes" if figure.reached(value) else "no"
        lines.append(f"| {figure.about} | {shown} | {bound} | {reached} |")
    return "\n".join([*lines, *([""] if measured["notes"] else []), *measured["notes"]])
