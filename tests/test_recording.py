"""Recordings: any format, rate and channel count, as a stream, or one sentence that says why not."""

import io
import tracemalloc
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_core.errors import LipsyncError
from lipsync_core.settings import settings
from lipsync_core.speech.recording import read_recording
from lipsync_core.speech.speech import Speech

RATE = 48000


def tone(seconds: float, rate: int, hertz: float = 440) -> np.ndarray:
    return (0.5 * np.sin(np.arange(round(seconds * rate)) / rate * 2 * np.pi * hertz)).astype(np.float32)


def encode(file, codec: str, rate: int, layout: str, sample_format: str, channels: np.ndarray, container: str) -> None:
    """(channels, n) float32 as a file of any kind."""
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.format = sample_format
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(sample_format, layout, rate, frame_size=stream.codec_context.frame_size or 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))


def join(blocks: list[Speech]) -> np.ndarray:
    """All samples, after a look at what every block has to be."""
    for block in blocks:
        assert block.sample_rate == RATE
        assert block.samples.dtype == np.float32
        assert block.samples.ndim == 1
        assert len(block.samples) > 0
        assert block.text == ""
    assert [block.joined for block in blocks] == [True] * (len(blocks) - 1) + [False]
    samples = np.concatenate([block.samples for block in blocks])
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1
    return samples


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


FORMATS = [  # container, codec, rate, layout, sample format, samples at 48 kHz that its padding may add
    ("wav", "pcm_u8", 8000, "mono", "u8", 1),
    ("wav", "pcm_s16le", 44100, "stereo", "s16", 1),
    ("wav", "pcm_s24le", 192000, "mono", "s32", 1),
    ("wav", "pcm_f64le", 22050, "mono", "dbl", 1),
    ("wav", "pcm_s16le", 48000, "5.1", "s16", 1),
    ("flac", "flac", 96000, "stereo", "s32", 1),
    ("mp3", "libmp3lame", 44100, "stereo", "fltp", 1500),
    ("ipod", "aac", 44100, "mono", "fltp", 2300),
    ("ogg", "libopus", 48000, "mono", "flt", 1000),
    ("webm", "libopus", 48000, "stereo", "flt", 1000),
]


@pytest.mark.parametrize(("container", "codec", "rate", "layout", "sample_format", "tolerance"), FORMATS)
def test_formats_rates_and_channels(tmp_path, container, codec, rate, layout, sample_format, tolerance):
    count = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    channels = np.tile(tone(2.5, rate), (count, 1))
    file = tmp_path / f"a.{container}"
    encode(str(file), codec, rate, layout, sample_format, channels, container)
    samples = join(list(read_recording(file)))
    assert abs(len(samples) - 2.5 * RATE) <= tolerance
    assert pitch(samples[: 2 * RATE]) == pytest.approx(440, abs=1)
    assert np.abs(samples[RATE : 2 * RATE]).max() == pytest.approx(0.5, abs=0.06)  # the same loudness, no clipping


def test_bytes_and_file_objects_are_the_same(tmp_path):
    encode(str(tmp_path / "a.flac"), "flac", 44100, "mono", "s16", tone(1.7, 44100)[None], "flac")
    content = (tmp_path / "a.flac").read_bytes()
    expected = join(list(read_recording(tmp_path / "a.flac")))
    assert np.array_equal(join(list(read_recording(content))), expected)
    with io.BytesIO(content) as file:
        assert np.array_equal(join(list(read_recording(file))), expected)
        assert not file.closed


def test_sound_of_a_video(tmp_path):
    with av.open(str(tmp_path / "a.mov"), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = out.add_stream("aac", rate=48000, layout="mono")
        for index in range(50):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
            frame = av.AudioFrame.from_ndarray(tone(0.04, 48000)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, index * 1920
            out.mux(audio.encode(frame))
        out.mux([*video.encode(None), *audio.encode(None)])
    assert len(join(list(read_recording(tmp_path / "a.mov")))) == pytest.approx(2 * RATE, abs=1100)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 96000])
def test_resampling_is_clean_across_blocks(rate):
    samples = join(list(read_recording((tone(25, rate), rate), block_seconds=3)))
    ideal = 0.5 * np.sin(np.arange(len(samples)) / RATE * 2 * np.pi * 440)
    assert len(samples) == 25 * RATE
    inside = slice(RATE // 10, -RATE // 10)  # the ends ring: a tone that starts at once is no band-limited sound
    assert np.abs(samples - ideal)[inside].max() < 1e-3


def test_arrays_of_every_kind_are_the_same_sound():
    mono = tone(1.3, 16000)
    expected = join(list(read_recording((mono, 16000))))
    for array in [
        mono.astype(np.float64),
        (mono * 32767).astype(np.int16),
        (mono * 127 + 128).round().astype(np.uint8),
        (mono * (2**31 - 1)).astype(np.int32),
        np.stack([mono, mono]),
        np.stack([mono, mono], axis=1),
        np.stack([mono * 2, mono * 0], axis=1),
    ]:
        samples = join(list(read_recording((array, 16000))))
        assert len(samples) == len(expected)
        assert np.abs(samples - expected).max() < 0.01


def test_first_block_is_short_and_the_rest_is_not_long():
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 65 * RATE).astype(np.float32)
    lengths = [block.duration for block in read_recording((noise, RATE))]
    assert lengths[0] <= 1
    assert max(lengths) <= 10
    assert all(block.duration <= 2 for block in read_recording((noise, RATE), block_seconds=2))


def test_blocks_are_cut_where_it_is_quiet():
    sound = tone(40, RATE)
    pauses = np.arange(0.7, 40, 0.7)
    for pause in pauses:
        sound[round(pause * RATE) : round((pause + 0.1) * RATE)] = 0
    blocks = list(read_recording((sound, RATE)))
    assert np.array_equal(join(blocks), sound)
    for block in blocks[:-1]:
        assert np.abs(block.samples[-200:]).max() == 0


def test_silence_and_very_short_sounds():
    assert not join(list(read_recording((np.zeros(3 * 44100, np.int16), 44100)))).any()
    assert len(join(list(read_recording((tone(0.05, 16000), 16000))))) == 2400
    assert len(join(list(read_recording((np.zeros(1), 44100))))) == 1
    file = io.BytesIO()
    encode(file, "pcm_s16le", 44100, "mono", "s16", tone(0.05, 44100)[None], "wav")
    assert len(join(list(read_recording(file.getvalue())))) == 2400


def test_numbers_that_are_none_become_silence():
    bad = np.tile(np.array([np.nan, np.inf, -np.inf, 0.1], np.float32), 12000)
    assert len(join(list(read_recording((bad, RATE))))) == len(bad)
    file = io.BytesIO()
    encode(file, "pcm_f32le", RATE, "mono", "flt", bad[None], "wav")
    assert len(join(list(read_recording(file.getvalue())))) == len(bad)


def test_memory_does_not_grow_with_the_length(tmp_path):
    quarter = tone(15 * 60, 8000)
    encode(str(tmp_path / "a.wav"), "pcm_s16le", 8000, "mono", "s16", quarter[None], "wav")
    tracemalloc.start()
    try:
        total = sum(len(block.samples) for block in read_recording(tmp_path / "a.wav"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 15 * 60 * RATE
    assert peak < 20e6  # bytes; the whole would be 173 MB


def wav(seconds: float = 1.0) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes((tone(seconds, 16000) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def silent_film() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.wav is empty"),
        (b"Hello, I am text.\n" * 50, r"a\.wav is no sound or video"),
        (np.random.default_rng(0).bytes(50000), r"a\.wav (is no sound|cannot be decoded)"),
        (wav()[:30], r"a\.wav is no sound or video"),
        (silent_film(), r"a\.wav has no sound track"),
        (wav(0), r"a\.wav holds no sound"),
    ],
    ids=["empty", "text", "random bytes", "cut off", "silent film", "no samples"],
)
def test_what_is_no_recording_is_told(tmp_path, content, message):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(LipsyncError, match=message):
        list(read_recording(tmp_path / "a.wav"))


def test_paths_that_are_no_file(tmp_path):
    with pytest.raises(LipsyncError, match=r"b\.wav does not exist"):
        list(read_recording(tmp_path / "b.wav"))
    with pytest.raises(LipsyncError, match="is not a file"):
        list(read_recording(str(tmp_path)))


@pytest.mark.parametrize(
    ("array", "rate"),
    [
        (np.zeros(0, np.float32), 16000),
        (np.zeros((0, 2)), 16000),
        (np.zeros((2, 2, 2)), 16000),
        (np.zeros(10), 0),
        (np.array(["a"]), 16000),
        (np.zeros(10, complex), 16000),
        (tone(1, 16000) * 32767, 16000),
    ],
)
def test_arrays_that_are_no_sound(array, rate):
    with pytest.raises(LipsyncError, match=r"[Aa]rray"):
        list(read_recording((array, rate)))


def test_playlist_opens_no_other_file(tmp_path):
    (tmp_path / "real.wav").write_bytes(wav())
    playlists = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{tmp_path}/real.wav\n#EXT-X-ENDLIST\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile {tmp_path}/real.wav\n",
    }
    for name, content in playlists.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(LipsyncError):
            list(read_recording(tmp_path / name))


def test_limits(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(wav(3))
    stream = io.BytesIO()  # Matroska that is written to a stream does not tell its length
    encode(stream, "pcm_s16le", 16000, "mono", "s16", tone(3, 16000)[None], "matroska")
    monkeypatch.setenv("LIPSYNC_MAX_RECORDING_SECONDS", "2")
    settings.cache_clear()
    try:
        for source in [tmp_path / "a.wav", stream.getvalue(), (tone(3, 16000), 16000)]:
            with pytest.raises(LipsyncError, match="LIPSYNC_MAX_RECORDING_SECONDS"):
                list(read_recording(source))
        monkeypatch.setenv("LIPSYNC_MAX_RECORDING_BYTES", "50K")
        settings.cache_clear()
        with pytest.raises(LipsyncError, match="LIPSYNC_MAX_RECORDING_BYTES"):
            list(read_recording(tmp_path / "a.wav"))
    finally:
        settings.cache_clear()


def test_damaged_recording_is_read_as_far_as_it_goes(tmp_path, caplog):
    encode(str(tmp_path / "a.mp3"), "libmp3lame", 44100, "mono", "fltp", tone(5, 44100)[None], "mp3")
    content = bytearray((tmp_path / "a.mp3").read_bytes())
    for start in range(5000, len(content), 9000):
        content[start : start + 200] = np.random.default_rng(start).bytes(200)
    assert len(join(list(read_recording(bytes(content))))) > 4 * RATE


def test_real_speech(shared: Path):
    clip = next((shared / "data" / "grid").glob("*.wav"))
    film = clip.with_suffix(".mpg")
    from_sound, from_film = join(list(read_recording(clip))), join(list(read_recording(film)))
    assert len(from_sound) / RATE == pytest.approx(3, abs=0.1)
    assert len(from_film) == pytest.approx(len(from_sound), abs=RATE // 10)
