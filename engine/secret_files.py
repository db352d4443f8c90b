"""Files that hold secrets: for their owner only, read and written so that nobody else ever could."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from engine.errors import Misconfigured

__all__ = ["read_secret", "write_secret"]

_MOST: Final = 64 * 1024


def read_secret(path: Path, what: str) -> str:
    """The text of a file that is no link and that nobody else may read. Raises `Misconfigured`, which calls
    it `what`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "r", encoding="ascii", errors="replace") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                raise Misconfigured(
                    f"others may read the {what}", where=str(path), hint=f"chmod 600 {path.name}"
                )
            return file.read(_MOST)
    except OSError as error:
        raise Misconfigured(f"the {what} cannot be used: {error.strerror}", where=str(path)) from None


def write_secret(path: Path, text: str, what: str) -> None:
    """Write a new file of mode 0600, durably. Raises `Misconfigured`, also when there is one."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Misconfigured(f"the {what} cannot be written: {error.strerror}", where=str(path)) from None
