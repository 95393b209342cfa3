"""A render as all who ask for one share it: followed, cancelled and limited."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_core import Frame, LipsyncError, Studio, TakeOptions
from lipsync_core.cancel import OperationCancelled
from lipsync_core.jobs.render import Limits, RenderJob, TooLong
from lipsync_core.jobs.service import Service

from .api_server import LONG, ApiServer, until
from .test_api_generate import recording

SMALL = {"size": 128, "voice": "espeak:en-us"}
THREADS = {"speech", "frames", "mp4", "time limit"}  # of a job


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert until(lambda: not [one for one in threading.enumerate() if one.name in THREADS], 1)


def length(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def options(text: str | None = None, **more: object) -> TakeOptions:
    return TakeOptions(text=text, **(SMALL | more if text is not None else {"size": 128} | more))


def test_progress_leads_to_the_file(studio: Studio, tmp_path: Path) -> None:
    target, seen, written = tmp_path / "a.mp4", [], []
    with RenderJob(studio, options("Hello, my friend. How are you today?"), target) as job:

        def each(frame: Frame) -> None:
            written.append(frame.index)
            seen.append(job.progress)

        assert job.progress.stage == "looking"
        take = job.prepare(lambda part: seen.append(job.progress))
        assert (job.progress.stage, take.size) == ("preparing_speech", (128, 128))
        assert job.run(each) == job.path == target
        end = job.progress
    assert end.frames == len(written) == length(target)
    assert end.seconds == pytest.approx(len(written) / 25)
    assert (end.stage, end.part, end.missed_faces) == ("finished", 1.0, 0)
    parts = [one.part for one in seen if one.part is not None]
    assert parts == sorted(parts)
    assert {one.stage for one in seen} == {"looking", "drawing"}
    assert 0 < end.first_frame_seconds < end.times["whole"]
    assert {"face", "speech", "frames", "file", "whole"} <= set(end.times)
    assert end.frames_per_second is None or end.frames_per_second > end.frames / end.times["whole"]


def test_the_length_of_a_recording_tells_how_far_it_is(studio: Studio, tmp_path: Path) -> None:
    sound, parts = tmp_path / "a.wav", []
    sound.write_bytes(recording())
    with RenderJob(studio, options(audio=sound), tmp_path / "a.mp4") as job:
        job.run(lambda frame: parts.append(job.progress.part))
    assert parts == pytest.approx([(index + 1) / 25 for index in range(25)])


@pytest.mark.parametrize("keep", [False, True])
def test_who_cancels_says_what_becomes_of_the_file(studio: Studio, tmp_path: Path, keep: bool) -> None:
    with RenderJob(studio, options(LONG), tmp_path / "a.mp4") as job:
        with pytest.raises(OperationCancelled):
            job.run(lambda frame: job.cancel(keep) if frame.index == 30 else None)
        frames = job.progress.frames
        assert 31 <= frames < 200
        assert job.path == (tmp_path / "a.mp4" if keep else None)
    assert os.listdir(tmp_path) == (["a.mp4"] if keep else [])
    if job.path:
        assert length(job.path) == frames


def test_cancelled_before_it_has_begun(studio: Studio, tmp_path: Path) -> None:
    with RenderJob(studio, options("Hi."), tmp_path / "a.mp4") as job:
        job.cancel(keep=True)
        with pytest.raises(OperationCancelled):
            job.run()
    assert os.listdir(tmp_path) == []


def test_a_job_has_its_time(studio: Studio, tmp_path: Path) -> None:
    """Also where nothing comes any more; what is there by then is left."""
    limits = Limits(session_seconds=1.5)
    with RenderJob(studio, options(LONG * 5), tmp_path / "a.mp4", limits=limits) as job:
        with pytest.raises(TooLong, match=r"longer than the 1\.5 seconds"):
            job.run()
        assert job.path is not None
        assert length(job.path) == job.progress.frames > 0


def test_a_recording_has_its_length_whatever_its_header_says(studio: Studio, tmp_path: Path) -> None:
    sound = (np.zeros(32000, np.float32), 16000)
    with (
        RenderJob(studio, options(audio=sound), tmp_path / "a.mp4", limits=Limits(recording_seconds=1)) as job,
        pytest.raises(LipsyncError, match="longer than the 1 seconds"),
    ):
        job.run()
    assert job.progress.frames == 25


def test_what_cannot_be_is_refused_before_anything_begins(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(LipsyncError, match="size 720 is too large here; choose up to 512"):
        RenderJob(studio, options("Hi.", size=720), tmp_path / "a.mp4", limits=Limits(size=512))
    with pytest.raises(LipsyncError, match="leave out language, voice and speed"):
        RenderJob(studio, options(audio=b"", voice="espeak:ru"), tmp_path / "a.mp4")


def test_a_server_that_ends_waits_for_its_jobs(studio: Studio, tmp_path: Path) -> None:
    """Their ends need its threads."""

    async def end() -> None:
        service = Service(studio)
        job = RenderJob(studio, options(LONG), tmp_path / "a.mp4")

        async def render() -> None:
            async with service.jobs.entered("somebody") as entry:
                await entry.wait()
                async with service.rendering(job):
                    await service.write(job)

        rendering = asyncio.ensure_future(render())
        while not job.progress.frames:
            await asyncio.sleep(0.01)
        rendering.cancel()
        await service.close()
        with pytest.raises(asyncio.CancelledError):
            await rendering

    asyncio.run(end())
    assert os.listdir(tmp_path) == []


def test_a_stream_that_turns_out_unusable_is_refused(server: ApiServer) -> None:
    silent = recording()[:40] + bytes(4)  # a header, and no sample
    with server.client() as client:
        refused = client.post("/api/generate?stream=true", files={"audio": silent}, data={"size": "128"})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert "no sound" in refused.json()["detail"]
    assert until(server.is_idle, 1)
