"""A Progress as HTML: stage, figures, and where the time went."""

from html import escape

from lipsync_core.jobs.progress import Progress
from lipsync_core.ui.i18n import Words

BUSY = {"waiting", "looking", "preparing_speech", "speaking", "drawing", "finishing"}
BARS = ("face", "speech", "frames", "waiting", "file")
SHOWN = 0.0005  # seconds; what took less is left out


def status(progress: Progress, words: Words) -> str:
    """The whole panel."""
    parts = (_stage(progress, words), _figures(progress, words), _times(progress, words))
    return f'<div class="status {_kind(progress)}">{"".join(parts)}</div>'


def _kind(progress: Progress) -> str:
    return "busy" if progress.stage in BUSY else "failed" if progress.stage == "failed" else "still"


def _stage(progress: Progress, words: Words) -> str:
    said = words(progress.stage, position=progress.position, seconds=f"{progress.limit or progress.seconds:.1f}")
    detail = f'<p class="detail" role="alert">{escape(progress.error)}</p>' if progress.error else ""
    percent = "" if progress.part is None else f"{progress.part * 100:.0f}"
    value = f' value="{percent}"' if percent else ""
    bar = ""
    if progress.stage in BUSY:
        bar = f'<progress max="100"{value} aria-label="{escape(said)}"></progress>'
    shown = f'<span class="percent">{percent} %</span>' if percent and bar else ""
    return f'<p class="stage" role="status"><span>{escape(said)}</span>{shown}</p>{bar}{detail}'


def _figures(progress: Progress, words: Words) -> str:
    face, first = progress.times.get("face"), progress.first_frame_seconds
    if not progress.frames and face is None:
        return ""

    def figure(value: float | None, shown: str, unit: str = "") -> str:
        return "–" if value is None else f"{value:{shown}} {words(unit) if unit else ''}".rstrip()

    rows = [
        ("figure_face", figure(face and face * 1000, ".0f", "unit_ms")),
        ("figure_speech", figure(progress.times.get("speech"), ".2f", "unit_seconds")),
        ("figure_first", figure(first and first * 1000, ".0f", "unit_ms")),
        ("figure_frames", str(progress.frames)),
        ("figure_rate", figure(progress.frames_per_second, ".1f")),
        ("figure_skipped", str(progress.skipped)),
    ]
    items = "".join(f'<div><dt>{words(key)}</dt><dd data-figure="{key}">{value}</dd></div>' for key, value in rows)
    below = []
    if progress.undrawn and progress.stage not in BUSY:
        button = f'<button type="button" data-press="whole">{escape(words("whole"))}</button>'
        below.append(f"{escape(words('undrawn_note', count=progress.undrawn))} {button}")
    if progress.missed_faces and progress.stage not in BUSY:
        below.append(escape(words("missed_note", count=progress.missed_faces)))
    return f"<dl>{items}</dl>" + "".join(f'<p class="detail">{note}</p>' for note in below)


def _times(progress: Progress, words: Words) -> str:
    """A bar for each stage, beside what it took."""
    whole = progress.times.get("whole", 0.0)
    longest = max((progress.times.get(name, 0.0) for name in BARS), default=0.0)
    if not whole or not longest or progress.stage in BUSY:
        return ""
    second = words("unit_seconds")
    rows = "".join(
        f'<tr class="{name}"><th scope="row">{words(f"time_{name}")}</th>'
        f'<td class="bar"><i style="width:{100 * progress.times[name] / longest:.1f}%"></i></td>'
        f"<td>{progress.times[name]:.2f} {second}</td></tr>"
        for name in BARS
        if progress.times.get(name, 0.0) > SHOWN
    )
    total = f'<tr class="whole"><th scope="row">{words("time_whole")}</th><td></td><td>{whole:.2f} {second}</td></tr>'
    caption = f"<caption>{words('times')}</caption>"
    return f'<table class="times">{caption}{rows}{total}</table><p class="detail">{words("times_note")}</p>'
