"""A disk without room is told in a sentence, and where only the cache has none, faces are prepared without it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsync_core import Studio
from lipsync_core.face import load_avatar

from .api_server import BODY, LONG, ApiServer, until
from .test_api_generate import EVENTS, PHOTO, events_of
from .test_api_refusals import detail

MOUNT, UMOUNT = shutil.which("mount") or "", shutil.which("umount") or ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if not sys.platform.startswith("linux") or os.getuid() or not MOUNT:
        pytest.skip("needs Linux, and to be root to mount a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run([MOUNT, "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield place
    finally:
        subprocess.run([UMOUNT, "--lazy", place], check=True)


def test_a_work_folder_without_room(studio: Studio, limits: Callable[..., None], small_disk: Path) -> None:
    limits(work_dir=small_disk)
    with ApiServer(studio) as server, server.client() as client:
        order = {"text": "Hi.", **BODY}
        large = {"audio": ("a.wav", bytes(3 * 2**20))}
        assert "disk of the server is full" in detail(client.post("/api/generate", files=large, data=BODY), 507)
        assert client.post("/api/generate", json=order).status_code == 200
        (small_disk / "rest").write_bytes(bytes(2**20 - 100_000))
        long = {"text": LONG, **BODY, "size": 512}
        assert "disk of the server is full" in detail(client.post("/api/generate", json=long), 507)
        told = events_of(client.post("/api/generate", json=long, headers=EVENTS))
        assert (told[-1][0], told[-1][1]["status"]) == ("error", 507)
        assert until(server.is_idle, 2)
        (small_disk / "rest").unlink()
        assert client.post("/api/generate", json=order).status_code == 200


def test_a_cache_without_room(small_disk: Path) -> None:
    (small_disk / "rest").write_bytes(bytes(2**20 - 100_000))
    avatar = load_avatar(PHOTO, cache=small_disk)
    assert avatar.frames[0].shape[2] == 3
    assert "The cache folder" in avatar.notes[-1]
    assert not list(small_disk.glob(".new-*"))
    (small_disk / "rest").unlink()
    load_avatar(PHOTO, size=128, cache=small_disk)
    assert len(list(small_disk.iterdir())) == 1
