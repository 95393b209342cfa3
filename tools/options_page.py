"""Writes the table of docs/options.md from what the program knows of its options: `python -m tools.options_page`."""

from pathlib import Path
from typing import Any, get_args

from lipsync_core.cli.render import flag
from lipsync_core.core.options import Option, options
from lipsync_core.server.schemas import SENT_AS_FILE, TakeRequest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "options.md"
HEAD = ("option", "meaning", "range", "default", "`render`", "over HTTP", "live")


def page(text: str) -> str:
    """The page with its table as it should be now."""
    before, _, rest = text.partition(f"| {HEAD[0]} |")
    after = rest.partition("\n\n")[2]
    return f"{before}{_table()}\n\n{after}"


def _table() -> str:
    fields = TakeRequest.model_json_schema()["properties"]
    rows = [HEAD, ("---",) * len(HEAD), *(_row(option, fields.get(option.name, {})) for option in options().values())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(option: Option, field: dict[str, Any]) -> tuple[str, ...]:
    switch = bool in (option.kind, *get_args(option.kind))
    written = f"`{flag(option.name)}`" + (f", `{flag('no_' + option.name)}`" if switch else "")
    most = next((one["maximum"] for one in field.get("anyOf", [field]) if "maximum" in one), option.highest)
    asked = "a file" if option.name in SENT_AS_FILE else "a field" if most == option.highest else f"up to {most}"
    default = "" if option.default is None else f"{option.default:g}" if not switch else str(option.default)
    return (
        f"`{option.name}`", option.about.replace("|", "\\|"), option.limits, default, written, asked,
        "yes" if option.live else "",
    )  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
