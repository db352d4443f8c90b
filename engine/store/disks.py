"""The disk under a folder, and whether a server's disk is this machine's."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from engine.store.contracts.care import Disk

__all__ = ["disk_of", "is_here"]


def disk_of(folder: Path) -> Disk | None:
    """Nothing where the folder cannot be looked at."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Disk(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)


def is_here(url: URL) -> bool:
    """Whether a server is reached on this machine: by a socket or the loopback."""
    host = url.query.get("host") or url.host or ""
    return not host or str(host).startswith("/") or host in ("localhost", "127.0.0.1", "::1")
