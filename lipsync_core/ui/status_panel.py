"""A Report as HTML: stage, figures, and where the time went."""

from html import escape

from lipsync_core.jobs.progress import Report
from lipsync_core.ui.i18n import Words

BUSY = {"waiting", "looking", "preparing_speech", "speaking", "drawing", "finishing"}
BARS = ("face", "speech", "frames", "waiting", "file")
SHOWN = 0.0005  # seconds; what took less is left out


def status(report: Report, words: Words) -> str:
    """The whole panel."""
    parts = (_stage(report, words), _figures(report, words), _times(report, words))
    return f'<div class="status {_kind(report)}">{"".join(parts)}</div>'


def _kind(report: Report) -> str:
    return "busy" if report.stage in BUSY else "failed" if report.stage == "failed" else "still"


def _stage(report: Report, words: Words) -> str:
    said = words(report.stage, position=report.position, seconds=f"{report.limit or report.length:.1f}")
    detail = f'<p class="detail" role="alert">{escape(report.error)}</p>' if report.error else ""
    percent = "" if report.part is None else f"{report.part * 100:.0f}"
    value = f' value="{percent}"' if percent else ""
    bar = ""
    if report.stage in BUSY:
        bar = f'<progress max="100"{value} aria-label="{escape(said)}"></progress>'
    shown = f'<span class="percent">{percent} %</span>' if percent and bar else ""
    return f'<p class="stage" role="status"><span>{escape(said)}</span>{shown}</p>{bar}{detail}'


def _figures(report: Report, words: Words) -> str:
    if not report.frames and report.face is None:
        return ""
    second, millisecond = words("unit_seconds"), words("unit_ms")
    spoken = "–" if report.speech is None else f"{report.speech:.2f} {second}"
    rows = [
        ("figure_face", "–" if report.face is None else f"{report.face * 1000:.0f} {millisecond}"),
        ("figure_speech", spoken),
        ("figure_first", "–" if report.first is None else f"{report.first * 1000:.0f} {millisecond}"),
        ("figure_frames", str(report.frames)),
        ("figure_rate", "–" if report.rate is None else f"{report.rate:.1f}"),
        ("figure_skipped", str(report.skipped)),
    ]
    items = "".join(f'<div><dt>{words(key)}</dt><dd data-figure="{key}">{value}</dd></div>' for key, value in rows)
    below = []
    if report.undrawn and report.stage not in BUSY:
        button = f'<button type="button" data-press="whole">{escape(words("whole"))}</button>'
        below.append(f"{escape(words('undrawn_note', count=report.undrawn))} {button}")
    if report.missed and report.stage not in BUSY:
        below.append(escape(words("missed_note", count=report.missed)))
    return f"<dl>{items}</dl>" + "".join(f'<p class="detail">{note}</p>' for note in below)


def _times(report: Report, words: Words) -> str:
    """A bar for each stage, beside what it took."""
    whole = report.times.get("whole", 0.0)
    longest = max((report.times.get(name, 0.0) for name in BARS), default=0.0)
    if not whole or not longest:
        return ""
    second = words("unit_seconds")
    rows = "".join(
        f'<tr class="{name}"><th scope="row">{words(f"time_{name}")}</th>'
        f'<td class="bar"><i style="width:{100 * report.times[name] / longest:.1f}%"></i></td>'
        f"<td>{report.times[name]:.2f} {second}</td></tr>"
        for name in BARS
        if report.times.get(name, 0.0) > SHOWN
    )
    total = f'<tr class="whole"><th scope="row">{words("time_whole")}</th><td></td><td>{whole:.2f} {second}</td></tr>'
    caption = f"<caption>{words('times')}</caption>"
    return f'<table class="times">{caption}{rows}{total}</table><p class="detail">{words("times_note")}</p>'
