"""Downloads from servers that lie, stall, break off and lead astray: a file is there whole and right, or not at all."""

import errno
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsync_core import checkpoints
from lipsync_core.errors import LipsyncError

from . import lying_server as server_that
from .api_server import until
from .checkpoints_place import CONTENT, OTHER, SHA256, check_cancelling_is_quick, host, listed, parts, place, visible
from .lying_server import LyingServer

__all__ = ["host", "listed", "place"]  # fixtures

ROOT = Path(__file__).resolve().parents[1]
FETCH = """
import sys, pathlib, lipsync_core.checkpoints as checkpoints
sys.modules["lipsync_core.checkpoints.manifest"].OWN_FOLDER = pathlib.Path(sys.argv[1])
print(checkpoints.fetch("model"))
"""


def check_whole(place: Path) -> None:
    assert checkpoints.path("model").read_bytes() == CONTENT
    assert visible(place) == ["models/model.onnx"]
    assert [path for path in place.rglob("*") if path.is_file() and path.suffix not in (".lock", ".onnx")] == []


def fail(place: Path, why: str) -> None:
    """The fetch raises one sentence that says why and what to do, and nothing is under the file's name."""
    with pytest.raises(LipsyncError, match=why) as error:
        checkpoints.fetch("model")
    for needed in (str(place / "models/model.onnx"), str(len(CONTENT)), SHA256, "by hand"):
        assert needed in str(error.value)
    assert "\n" not in str(error.value)
    assert checkpoints.state("model") == "missing"
    assert visible(place) == []


def test_a_good_server_with_progress(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    seen: list[tuple[str, int, int]] = []
    assert checkpoints.fetch("model", lambda *facts: seen.append(facts)) == place / "models/model.onnx"
    check_whole(place)
    assert {(name, total) for name, _, total in seen} == {("model", len(CONTENT))}
    counts = [done for _, done, _ in seen]
    assert counts == sorted(counts)
    assert len(set(counts)) > 5
    assert counts[-1] == len(CONTENT)
    assert checkpoints.fetch("model") == place / "models/model.onnx"
    assert len(host.asked) == 1  # it is there: nothing is asked again


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        (server_that.missing, "404"),
        (server_that.answers(500), "500"),
        (server_that.claims(len(CONTENT) + 1), f"has {len(CONTENT) + 1} bytes, not {len(CONTENT)}"),
        (server_that.claims(10), "has 10 bytes, not"),
        (server_that.endless, "more than the"),
        (server_that.compressed, "encoding"),
        (server_that.never_more_than_a_bit, "broke off"),
        (server_that.trickles, "nothing any more"),
        (server_that.silent, "nothing any more"),
        (server_that.redirects("/model"), "circle"),
        (server_that.redirects("ftp://127.0.0.1/model"), "not http"),
        (server_that.redirects("file:///etc/hostname"), "not http"),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else "",
)
def test_a_server_that_never_gives_the_file(
    place: Path, host: LyingServer, listed: Callable[..., None], manner: server_that.Manner, why: str
) -> None:
    host.files["/model"] = (manner, CONTENT)
    listed("/model")
    fail(place, why)
    assert 1 <= len(host.asked) <= 10


def test_the_wrong_bytes_are_never_stored(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, OTHER)
    listed("/model")
    fail(place, "another hash")
    assert parts(place) == []  # nor resumed


def test_the_next_source_is_asked(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/wrong"] = (server_that.good, OTHER)
    host.files["/right"] = (server_that.good, CONTENT)
    listed("/missing", "/wrong", "/right")
    checkpoints.fetch("model")
    check_whole(place)


def test_a_server_that_breaks_off_is_asked_for_the_rest(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.half_each_time, CONTENT)
    listed("/model")
    checkpoints.fetch("model")
    check_whole(place)
    begins = host.begins()
    assert begins[0] == 0
    assert begins == sorted(begins)
    assert begins[1] == len(CONTENT) // 2
    assert {one.condition for one in host.asked[1:]} == {server_that.etag(CONTENT)}


@pytest.mark.parametrize("manner", [server_that.without_ranges, server_that.another_part, server_that.answers(503, 2)])
def test_a_part_is_dropped_where_the_rest_cannot_be_had(
    place: Path, host: LyingServer, listed: Callable[..., None], manner: server_that.Manner
) -> None:
    begin_with_a_part(place, host, listed)
    host.files["/model"] = (manner, CONTENT)
    checkpoints.fetch("model")
    check_whole(place)


def begin_with_a_part(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    """Half of the file has come, and the fetch was stopped; so a user would."""
    host.files["/model"] = (server_that.stalls, CONTENT)
    listed("/model")
    cancel = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            checkpoints.fetch("model", lambda name, done, of: done >= of // 2 and cancel.set(), cancel)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert [type(error) for error in raised] == [checkpoints.Cancelled]
    assert [part.stat().st_size for part in parts(place)] == [len(CONTENT) // 2]
    assert visible(place) == []
    host.asked.clear()


def test_a_stopped_fetch_is_resumed_by_the_next_one(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    begin_with_a_part(place, host, listed)
    host.files["/model"] = (server_that.good, CONTENT)
    checkpoints.fetch("model")
    check_whole(place)
    assert host.begins() == [len(CONTENT) // 2]


def test_a_part_of_one_source_is_resumed_from_another(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    begin_with_a_part(place, host, listed)
    host.files["/mirror"] = (server_that.good, CONTENT)
    listed("/missing", "/mirror")
    checkpoints.fetch("model")
    check_whole(place)
    assert host.begins()[-1] == len(CONTENT) // 2


def test_a_part_that_is_damaged_costs_one_more_download(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    begin_with_a_part(place, host, listed)
    (part,) = parts(place)
    part.write_bytes(OTHER[: len(CONTENT) // 2])
    host.files["/model"] = (server_that.good, CONTENT)
    checkpoints.fetch("model")
    check_whole(place)
    assert host.begins() == [len(CONTENT) // 2, 0]


def test_a_file_that_changed_at_its_address_is_not_mixed(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    begin_with_a_part(place, host, listed)
    host.files["/model"] = (server_that.good, OTHER)
    fail(place, "another hash")
    assert host.asked[0].condition == server_that.etag(CONTENT)


@pytest.mark.parametrize("manner", [server_that.stalls, server_that.silent])
def test_cancelling_is_quick_when_nothing_comes(
    place: Path,
    host: LyingServer,
    listed: Callable[..., None],
    limits: Callable[..., None],
    manner: server_that.Manner,
) -> None:
    limits(stall_seconds=30)
    host.files["/model"] = (manner, CONTENT)
    listed("/model")
    check_cancelling_is_quick(host)
    assert not [one for one in threading.enumerate() if one.name == "fetch"]


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


def test_a_killed_process_leaves_nothing_that_counts(
    place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    limits(stall_seconds=30)
    host.files["/model"] = (server_that.stalls, CONTENT)
    listed("/model")
    process = start(place)
    try:
        assert until(lambda: parts(place) and parts(place)[0].stat().st_size == len(CONTENT) // 2, 20)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert checkpoints.state("model") == "missing"
    assert visible(place) == []
    host.files["/model"] = (server_that.good, CONTENT)
    checkpoints.fetch("model")  # its lock is gone with it
    check_whole(place)
    assert host.begins() == [0, len(CONTENT) // 2]


def test_two_processes_and_a_thread_at_once_download_once(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    both = [start(place), start(place)]
    thread = threading.Thread(target=checkpoints.fetch, args=("model",))
    thread.start()
    for process in both:
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert out.strip() == str(place / "models/model.onnx")
    thread.join(60)
    check_whole(place)
    assert host.begins() == [0]


def test_whoever_waits_for_another_one_can_stop_waiting_and_sees_how_far_it_is(
    place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None]
) -> None:
    limits(stall_seconds=30)
    host.files["/model"] = (server_that.stalls, CONTENT)
    listed("/model")
    process = start(place)
    try:
        assert host.reached.wait(20)
        cancel, seen = threading.Event(), []

        def look(name: str, done: int, total: int) -> None:
            seen.append((done, total))
            if done >= total // 2:
                cancel.set()

        with pytest.raises(checkpoints.Cancelled):
            checkpoints.fetch("model", look, cancel)
        assert seen[-1][0] >= len(CONTENT) // 2
        assert host.begins() == [0]
    finally:
        process.kill()
        process.communicate()


def test_a_file_that_is_too_large_for_the_disk_leaves_nothing(
    place: Path, host: LyingServer, listed: Callable[..., None]
) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    process = start(place, limit=2**20)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert os.strerror(errno.EFBIG) in errors.splitlines()[-1]
    assert "by hand" in errors.splitlines()[-1]
    assert visible(place) == []
    assert parts(place) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, leave = shutil.which("mount"), shutil.which("umount")
    options = ["-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)]
    if not (mount and leave) or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run([leave, str(folder)], check=True)


def test_a_disk_that_fills_up_meanwhile_gets_its_room_back(
    place: Path, host: LyingServer, listed: Callable[..., None], limits: Callable[..., None], small_disk: Path
) -> None:
    limits(checkpoints_dir=small_disk / "models")

    def fills(to: server_that.Handler, content: bytes, begin: int) -> None:
        with (small_disk / "others").open("wb") as file:
            file.write(bytes(58 * 2**20))
        server_that.good(to, content, begin)

    host.files["/model"] = (fills, CONTENT)
    listed("/model")
    with pytest.raises(LipsyncError, match=os.strerror(errno.ENOSPC)):
        checkpoints.fetch("model")
    assert visible(small_disk / "models") == []
    assert parts(small_disk) == []
    with pytest.raises(LipsyncError, match=r"needs 3 MB in .*, where 2 MB are free"):
        checkpoints.fetch("model")  # said before anything is asked
    assert len(host.asked) == 1
    (small_disk / "others").unlink()
    host.files["/model"] = (server_that.good, CONTENT)
    checkpoints.fetch("model")
    check_whole(small_disk / "models")


def test_an_older_wrong_file_is_kept_beside(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model")
    (place / "models").mkdir(parents=True)
    (place / "models/model.onnx").write_bytes(b"somebody's own")
    assert checkpoints.state("model") == "wrong"
    checkpoints.fetch("model")
    assert checkpoints.path("model").read_bytes() == CONTENT
    assert (place / "models/model.onnx.old").read_bytes() == b"somebody's own"


def test_an_md5_guards_a_file_that_is_data(place: Path, host: LyingServer, listed: Callable[..., None]) -> None:
    host.files["/model"] = (server_that.good, CONTENT)
    listed("/model", sha256=None, md5=hashlib.md5(CONTENT).hexdigest())  # noqa: S324 - what a publisher states
    checkpoints.fetch("model")
    check_whole(place)
    listed("/model", sha256=None, md5=hashlib.md5(OTHER).hexdigest())  # noqa: S324
    assert checkpoints.state("model") == "wrong"
