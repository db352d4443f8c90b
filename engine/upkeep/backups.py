"""Making a backup while the engine works, and knowing that it is one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from engine.errors import Misconfigured
from engine.store.clusters import copy_cluster, mark_of_server, server_of
from engine.store.contracts.marks import Mark
from engine.store.copies import check_file, copy_file, mark_of
from engine.store.keys import KeyRing
from engine.store.sql import store_file
from engine.upkeep.manifest import (
    DATA,
    Backup,
    Manifest,
    entered,
    faults_of,
    listed,
    name_of,
    read,
    seal,
)

__all__ = ["STORE", "copy_cabinet", "keys_inside", "let_go", "make", "verify"]

STORE = "store.db"
"""The copied file within a backup."""

_PART = ".part"


def make(
    url: str,
    place: Path,
    ring: KeyRing,
    *,
    rate: float,
    cabinet: str = "",
    clock: Callable[[], float] = time.time,
) -> Backup:
    """Copy the store at `url`, whose cabinet is at `cabinet`, into a new folder in `place`, and check the
    copy. Until it is whole it has
    another name, and no manifest.

    Everything up to its mark is in it. Raises `Misconfigured` (the place, the tools, a copy that is not
    sound), `Unavailable`."""
    at = clock()
    folder = place / name_of(at)
    part = folder.with_name(folder.name + _PART)
    if folder.exists():
        raise Misconfigured("a backup of this second is here already", where=str(folder))
    try:
        part.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Misconfigured(f"cannot be written: {error.strerror}", where=str(part)) from None
    try:
        mark = _copied(url, part, rate)
        manifest = Manifest(
            version=version("wardline"), kind="sqlite" if store_file(url) else "postgresql", at=at,
            seconds=round(clock() - at, 3), mark=mark, keys=ring.ids,
            cabinet_inside=keys_inside(url, cabinet),
            files=tuple(entered(part, name) for name in _names(part)),
        )  # fmt: skip
        seal(part, manifest, ring)
        _sync(part)
        part.rename(folder)
        _sync(place)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    made = read(folder)
    if found := verify(made, ring):
        raise Misconfigured(f"the copy is not sound: {found[0]}", where=str(folder))
    return made


def keys_inside(url: str, cabinet: str) -> bool:
    """Whether a copy of the whole server at `url` holds the cabinet at `cabinet` too (empty: the default)."""
    if store_file(url):
        return False
    if not cabinet:
        return True
    return store_file(cabinet) is None and server_of(url) == server_of(cabinet)


def copy_cabinet(file: Path, to: Path) -> None:
    """Copy the cabinet over its last copy: there is never more than one. Raises `Misconfigured`."""
    part = to.with_name(to.name + _PART)
    part.unlink(missing_ok=True)
    copy_file(file, part, rate=1000.0)
    part.replace(to)
    _sync(to.parent)


def verify(backup: Backup, ring: KeyRing) -> list[str]:
    """Plain words for whatever is wrong with a backup: a file that is missing or was changed, damage inside
    of it, a manifest of somebody else. Empty when it can be restored."""
    found = faults_of(backup, ring)
    if not found and backup.manifest.kind == "sqlite":
        found = check_file(backup.folder / STORE)
    return found


def let_go(place: Path, keep: int) -> list[Path]:
    """Remove the oldest backups of a folder until so many are left; which ones went."""
    gone = [one.folder for one in listed(place)[:-keep]]
    for folder in gone:
        part = folder.with_name(folder.name + _PART)
        folder.rename(part)  # half of a backup is none
        shutil.rmtree(part)
    return gone


def _copied(url: str, part: Path, rate: float) -> Mark:
    """Copy, and say up to where."""
    if file := store_file(url):
        if not file.is_file():
            raise Misconfigured("there is no store here", where=str(file))
        copy_file(file, part / STORE, rate=rate)
        return mark_of(part / STORE)
    mark = mark_of_server(url)
    copy_cluster(url, part / DATA, rate=rate)
    return mark


def _names(part: Path) -> list[str]:
    """What the manifest lists: of a server its own manifest, which lists the rest, and the log, which that
    one leaves out."""
    if (part / STORE).exists():
        return [STORE]
    log = sorted(path for path in (part / DATA / "pg_wal").iterdir() if path.is_file())
    return [f"{DATA}/backup_manifest", *(str(path.relative_to(part)) for path in log)]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
