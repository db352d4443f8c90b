"""Putting a backup in its place, and the drill: doing so in a scratch place to see that it would work."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.errors import Misconfigured
from engine.store.base import Store
from engine.store.clusters import recover_to, started
from engine.store.contracts.overview import Sought
from engine.store.copies import LOGS, copy_file
from engine.store.keys import KeyRing
from engine.store.sql import open_store, store_file
from engine.upkeep.backups import STORE, verify
from engine.upkeep.manifest import DATA, Backup

__all__ = ["Drilled", "drill", "restore_cluster", "restore_file"]

SAMPLE = 200
"""The newest messages whose content a drill opens."""


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill found: how long putting it in place and looking through took (seconds), up to which
    message it goes, how many it holds, how many contents were opened as a sample, and plain words for
    whatever is wrong; none: it would do."""

    restored: float
    looked: float
    newest: int
    messages: int
    opened: int
    found: tuple[str, ...]


def restore_file(backup: Backup, ring: KeyRing, to: Path) -> None:
    """Put the copy of a store that is a file in its place, which must be free. Raises `Misconfigured`, and
    leaves the place as it was."""
    _check(backup, ring, "sqlite")
    there = [one for one in (to, *(to.with_name(to.name + log) for log in LOGS)) if one.exists()]
    if there:
        raise Misconfigured(
            "there is something here already", where=str(there[0]),
            hint="stop the engine and move it away, with what begins with its name: nothing is written over",
        )  # fmt: skip
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = to.with_name(to.name + ".part")
    part.unlink(missing_ok=True)
    try:
        copy_file(backup.folder / STORE, part, rate=10_000.0)
        part.rename(to)
    finally:
        part.unlink(missing_ok=True)


def restore_cluster(
    backup: Backup, ring: KeyRing, data: Path, *, archive: Path | None = None, until: str = ""
) -> None:
    """Put the copy of a server's data in a new folder, ready to be started: it then follows the archived log
    `until` a moment (ISO 8601, with its zone), else to the end. Raises `Misconfigured`."""
    _check(backup, ring, "postgresql")
    if data.exists() and any(data.iterdir()):
        raise Misconfigured("the folder is not empty", where=str(data), hint="nothing is written over")
    if archive is not None and not archive.is_dir():
        raise Misconfigured("is no folder", where=str(archive))
    moment = _moment(until, backup) if until else ""
    if moment and archive is None:
        raise Misconfigured(
            "a moment after the backup takes the archived log", where="--until", hint="name it: --archive"
        )
    shutil.copytree(backup.folder / DATA, data, dirs_exist_ok=True, symlinks=True)
    data.chmod(0o700)
    recover_to(data, archive=archive, until=moment)


def drill(
    backup: Backup,
    ring: KeyRing,
    url: str,
    cabinet: str = "",
    *,
    scratch: Path | None = None,
    user: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> Drilled:
    """Restore a backup in a scratch place, open it with a copy of the cabinet, look through it, and clear it
    away. `url` and `cabinet` are the store's that it was made of; `user` as `clusters.started` has it. Raises
    `Misconfigured` when it does not get that far."""
    place = Path(tempfile.mkdtemp(prefix="wardline-drill-", dir=scratch))
    try:
        began = clock()
        with _put(backup, ring, place, url, user) as (address, kept):
            if file := _cabinet_file(url, cabinet):
                kept = _copied(file, place)
            store = open_store(address, ring, kept)
            restored = clock() - began
            try:
                return _looked(store, backup, restored, clock)
            finally:
                store.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _put(backup: Backup, ring: KeyRing, place: Path, url: str, user: str) -> Iterator[tuple[str, str]]:
    """The address of the store restored in a place, and of its cabinet when that is not beside it."""
    if backup.manifest.kind == "sqlite":
        restore_file(backup, ring, place / STORE)
        yield f"sqlite:///{place / STORE}", ""
        return
    data = place / DATA
    restore_cluster(backup, ring, data)
    if user:
        shutil.chown(place, user)
    with started(data, url, user=user) as address:
        yield address, ""


def _looked(store: Store, backup: Backup, restored: float, clock: Callable[[], float]) -> Drilled:
    began = clock()
    messages = sum(row.messages for row in store.account())
    newest = max((view.id for view in store.seek(Sought(limit=1))), default=0)
    found = [*store.gaps(), *store.verify_audit(), *store.verify_versions()]
    mark = backup.manifest.mark
    if newest < mark.message:
        found.append(f"it ends with message {newest}, and its mark is {mark.message}")
    opened = len(store.stored(range(max(1, newest - SAMPLE + 1), newest + 1)))
    return Drilled(
        restored=round(restored, 3), looked=round(clock() - began, 3), newest=newest, messages=messages,
        opened=opened, found=tuple(found),
    )  # fmt: skip


def _check(backup: Backup, ring: KeyRing, kind: str) -> None:
    if backup.manifest.kind != kind:
        raise Misconfigured(
            f"is the backup of a {backup.manifest.kind} store", where=str(backup.folder),
            hint="a file goes to sqlite:///FILE, a server's data to a new folder",
        )  # fmt: skip
    if found := verify(backup, ring):
        raise Misconfigured(f"this backup is not whole: {found[0]}", where=str(backup.folder))


def _moment(until: str, backup: Backup) -> str:
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        raise Misconfigured("is no moment", where="--until", hint="2026-11-22T14:30:00+01:00") from None
    if moment.tzinfo is None:
        raise Misconfigured("says no time zone", where="--until", hint="2026-11-22T14:30:00+01:00, or …Z")
    if moment.timestamp() < backup.manifest.at:
        raise Misconfigured("is before this backup was made", where="--until", hint="take an older backup")
    return moment.astimezone(UTC).isoformat()


def _cabinet_file(url: str, cabinet: str) -> Path | None:
    """The cabinet's file, when it is one and lies apart from the store."""
    if cabinet:
        return store_file(cabinet)
    file = store_file(url)
    return file.with_name(f"{file.name}.cabinet") if file else None


def _copied(file: Path, place: Path) -> str:
    """A copy of the cabinet for the drill: opening an older store changes what is in it."""
    if not file.exists():
        return ""
    copy = place / f"{STORE}.cabinet"
    copy_file(file, copy, rate=10_000.0)
    return f"sqlite:///{copy}"
