"""A folder of files to be taken in: picked up, worked on, set aside, each step one rename.

Everything goes by the descriptors of the folder and of its sub-folders, and no link is followed, so that
no name leads out of it. A file is where its state is:

| place | means |
|---|---|
| the folder itself | somebody puts it there; taken when it is complete |
| `work/` | taken; what was done of it so far stands in `.NAME.state` |
| `done/` | every message of it is safe |
| `failed/` | something of it was refused: `NAME.report` beside it says what and where |
| `answers/` | the acknowledgements, `NAME.ack`, for whoever sent it |

Plain blocking calls, raising `OSError` for what the disk or the rights do not allow.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import count
from typing import Final, Literal, NamedTuple

__all__ = ["LONGEST_NAME", "REPORT", "Inbox", "Place", "Seen", "survey"]

Place = Literal["work", "done", "failed", "answers"]

PLACES: Final = ("work", "done", "failed", "answers")
REPORT: Final = ".report"
LOCK: Final = ".lock"
LONGEST_NAME: Final = 200
"""Bytes of a file's name: with the endings that we add it must stay a name."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Seen(NamedTuple):
    """A file as it lies in the folder: what must not change while it counts as complete."""

    name: str
    inode: int
    size: int
    changed: int  # mtime, nanoseconds


class Inbox:
    """The folder, opened; to be closed. Raises `BlockingIOError` when another engine has it."""

    def __init__(self, path: str) -> None:
        self._root = os.open(path, _FOLDER)
        self._at: dict[str, int] = {}
        try:
            for place in PLACES:
                with suppress(FileExistsError):
                    self._make(place)
                self._at[place] = os.open(place, _FOLDER | os.O_NOFOLLOW, dir_fd=self._root)
            self._at[LOCK] = os.open(LOCK, _WRITE, 0o600, dir_fd=self._at["work"])
            fcntl.flock(self._at[LOCK], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.close()
            raise

    def _make(self, place: str) -> None:
        """A sub-folder for the engine alone; answers for those whom the folder itself is for."""
        about = os.fstat(self._root)
        rights = stat.S_IMODE(about.st_mode) if place == "answers" else 0o700
        os.mkdir(place, rights, dir_fd=self._root)
        if place == "answers":
            with suppress(PermissionError):  # not a member of that group: an operator sets the rights
                os.chown(place, -1, about.st_gid, dir_fd=self._root, follow_symlinks=False)
            os.chmod(place, rights, dir_fd=self._root)  # the umask may have taken some

    def close(self) -> None:
        """Let go of it."""
        for descriptor in (*self._at.values(), self._root):
            os.close(descriptor)
        self._at.clear()

    # Looking

    def arrived(self, pattern: str) -> tuple[list[Seen], int]:
        """The files that match, and how many others match that are no plain files of one name, or that we
        may not read: those are left alone, and hold back none of the others."""
        found, odd = [], 0
        for name in self._names(self._root):
            if not fnmatchcase(name, pattern) or name in PLACES:
                continue
            with suppress(FileNotFoundError):  # taken back by whoever put it there
                about = os.stat(name, dir_fd=self._root, follow_symlinks=False)
                plain = stat.S_ISREG(about.st_mode) and about.st_nlink == 1
                if plain and len(os.fsencode(name)) <= LONGEST_NAME and self._readable(name):
                    found.append(Seen(name, about.st_ino, about.st_size, about.st_mtime_ns))
                else:
                    odd += 1
        return found, odd

    def _readable(self, name: str) -> bool:
        return os.access(name, os.R_OK, dir_fd=self._root, effective_ids=True)

    def names(self, place: Place) -> list[str]:
        """The files of a place, without our own notes."""
        return sorted(self._names(self._at[place]))

    def _names(self, folder: int) -> Iterator[str]:
        for name in os.listdir(folder):
            if not name.startswith("."):
                yield name

    # Moving

    def take(self, name: str) -> None:
        """Into `work/`."""
        os.rename(name, name, src_dir_fd=self._root, dst_dir_fd=self._at["work"])
        self._sync(self._at["work"], self._root)

    def free_name(self, place: Place, name: str) -> str:
        """`name`, or `name.1`, `name.2` … when something of that name, or its report, lies there."""
        names = (f"{name}.{number}" if number else name for number in count())
        return next(
            one for one in names if not self._exists(place, one) and not self._exists(place, one + REPORT)
        )

    def _exists(self, place: Place, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._at[place], follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def move(self, name: str, place: Place, new_name: str) -> None:
        """From `work/` to where it stays; nothing to do when it is there already."""
        work, target = self._at["work"], self._at[place]
        with suppress(FileNotFoundError):
            os.rename(name, new_name, src_dir_fd=work, dst_dir_fd=target)
        self._sync(target, work)

    def give(self, name: str, new_name: str) -> None:
        """A draft of answers from `work/` to those who may read `answers/`."""
        about = os.fstat(self._at["answers"])
        with suppress(FileNotFoundError):
            descriptor = os.open(name, _READ, dir_fd=self._at["work"])
            try:
                with suppress(PermissionError):
                    os.fchown(descriptor, -1, about.st_gid)
                os.fchmod(descriptor, 0o600 | about.st_mode & 0o044)
            finally:
                os.close(descriptor)
        self.move(name, "answers", new_name)

    def remove(self, place: Place, name: str) -> None:
        """Forget a file, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._at[place])

    # Reading and writing

    def open_work(self, name: str) -> int:
        """A descriptor to read a taken file. Raises `IsADirectoryError` when it is no plain file after
        all: a link, a folder, a pipe."""
        try:
            descriptor = os.open(name, _READ, dir_fd=self._at["work"])
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise IsADirectoryError from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise IsADirectoryError
        return descriptor

    def write(self, place: Place, name: str, data: bytes) -> None:
        """A whole file at once: under another name first, then renamed."""
        at, draft = self._at[place], f".{name}.draft"
        descriptor = os.open(draft, _WRITE | os.O_TRUNC, 0o600, dir_fd=at)
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(draft, name, src_dir_fd=at, dst_dir_fd=at)
        self._sync(at)

    def append(self, name: str, at: int, data: bytes) -> None:
        """Write `data` at offset `at` of a note in `work/`, where it ends then."""
        descriptor = os.open(name, _WRITE, 0o600, dir_fd=self._at["work"])
        try:
            os.ftruncate(descriptor, at)
            os.lseek(descriptor, at, os.SEEK_SET)
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def note(self, name: str) -> bytes:
        """What a note in `work/` says; empty when there is none."""
        try:
            descriptor = os.open(name, _READ, dir_fd=self._at["work"])
        except FileNotFoundError:
            return b""
        with open(descriptor, "rb") as file:
            return file.read()

    def notes(self) -> list[str]:
        """The names of our own notes in `work/`."""
        return sorted(name for name in os.listdir(self._at["work"]) if name.startswith(".") and name != LOCK)

    def age(self, place: Place, name: str, now: float) -> float:
        """Seconds since a file was put where it lies."""
        about = os.stat(name, dir_fd=self._at[place], follow_symlinks=False)
        return now - max(about.st_mtime, about.st_ctime)

    def _sync(self, *folders: int) -> None:
        for folder in folders:
            os.fsync(folder)


def survey(path: str, pattern: str, now: float) -> dict[str, float]:
    """What lies in a folder that an engine may be working on: files that wait, are in work and have
    failed, and the age of the oldest that waits in seconds. Changes nothing. Raises `OSError`."""
    waiting = [entry.stat() for entry in _plain(path) if fnmatchcase(entry.name, pattern)]
    found: dict[str, float] = {"files": len(waiting)}
    for place, word in (("work", "in work"), ("failed", "failed files")):
        with suppress(FileNotFoundError):
            names = [entry.name for entry in _plain(os.path.join(path, place))]
            found[word] = sum(not name.endswith(REPORT) for name in names)
    found["oldest file"] = max((now - about.st_mtime for about in waiting), default=0.0)
    return found


def _plain(path: str) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return [
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
        ]


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
