"""What a backup says of itself: what it holds, up to where, and that it is whole and ours."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from engine.errors import Misconfigured
from engine.store.contracts.marks import Mark
from engine.store.keys import KeyRing

__all__ = [
    "DATA",
    "MANIFEST",
    "Backup",
    "FileOf",
    "Manifest",
    "entered",
    "faults_of",
    "listed",
    "name_of",
    "read",
    "seal",
]

MANIFEST: Final = "manifest.json"
DATA: Final = "data"
"""The folder of a copied PostgreSQL server within a backup."""

_SERVERS: Final = f"{DATA}/backup_manifest"


class FileOf(msgspec.Struct, frozen=True):
    """A file of a backup, by its path in it."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`at` and `seconds`: when the copying began and how long it took. `cabinet_inside`: the keys of contents
    are in the copy too, because they lie in the same server. `keys` are the ids of the ring's keys when it
    was made, `mac` (HMAC-SHA256 under the first of them) covers all the rest."""

    version: str
    kind: Literal["sqlite", "postgresql"]
    at: float
    seconds: float
    mark: Mark
    cabinet_inside: bool
    keys: tuple[str, ...]
    files: tuple[FileOf, ...]
    mac: str = ""


class Backup(msgspec.Struct, frozen=True):
    """A finished backup and where it lies."""

    folder: Path
    manifest: Manifest


class _ServersFile(msgspec.Struct, frozen=True, rename="pascal"):
    path: str = ""
    size: int = 0
    checksum: str = ""
    checksum_algorithm: str = msgspec.field(default="", name="Checksum-Algorithm")


class _ServersManifest(msgspec.Struct, frozen=True, rename="pascal"):
    files: tuple[_ServersFile, ...]


def name_of(at: float) -> str:
    """A backup's folder is named after when it was begun, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def entered(folder: Path, name: str) -> FileOf:
    """A file as the manifest knows it."""
    path = folder / name
    return FileOf(name, path.stat().st_size, _hash(path))


def seal(folder: Path, manifest: Manifest, ring: KeyRing) -> Manifest:
    """Write the manifest, durable, with its code."""
    sealed = msgspec.structs.replace(manifest, mac=_mac(manifest, ring))
    path = folder / MANIFEST
    with path.open("xb") as file:
        os.chmod(path, 0o600)
        file.write(msgspec.json.format(msgspec.json.encode(sealed), indent=1))
        file.flush()
        os.fsync(file.fileno())
    return sealed


def read(folder: Path) -> Backup:
    """Raises `Misconfigured` for what is no backup."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError:
        raise Misconfigured("is no backup: it has no manifest", where=str(folder)) from None
    try:
        return Backup(folder, msgspec.json.decode(text, type=Manifest))
    except msgspec.MsgspecError:
        raise Misconfigured(
            "the manifest cannot be read",
            where=str(folder / MANIFEST),
            hint="it was damaged, or a newer version wrote it: take another backup",
        ) from None


def listed(place: Path) -> list[Backup]:
    """The finished backups in a folder, oldest first; what is not finished has no manifest."""
    found = (folder for folder in place.iterdir() if (folder / MANIFEST).is_file()) if place.is_dir() else ()
    return sorted((read(folder) for folder in found), key=lambda one: one.manifest.at)


def faults_of(backup: Backup, ring: KeyRing) -> list[str]:
    """Plain words for whatever is not as it was written; empty when all is."""
    manifest = backup.manifest
    key_id = manifest.keys[0]
    if key_id not in ring.ids:
        return [f"{MANIFEST}: the key ring lacks its key {key_id!r}"]
    if not hmac.compare_digest(manifest.mac, _mac(manifest, ring)):
        return [f"{MANIFEST}: it was changed, or made with another key"]
    found = [words for one in manifest.files if (words := _fault(backup.folder, one))]
    return found or list(_servers_faults(backup))


def _servers_faults(backup: Backup) -> Iterator[str]:
    """Of a server's files its own manifest tells."""
    if backup.manifest.kind != "postgresql":
        return
    told = msgspec.json.decode((backup.folder / _SERVERS).read_bytes(), type=_ServersManifest)
    for one in told.files:
        if one.checksum_algorithm != "SHA256":
            yield f"{DATA}/{one.path}: the server's manifest has no SHA-256 of it"
        elif words := _fault(backup.folder, FileOf(f"{DATA}/{one.path}", one.size, one.checksum)):
            yield words


def _fault(folder: Path, one: FileOf) -> str:
    path = folder / one.name
    try:
        size = path.stat().st_size
        if size != one.bytes:
            return f"{one.name}: {size} bytes where there were {one.bytes}"
        return "" if _hash(path) == one.sha256 else f"{one.name}: its content was changed"
    except OSError as error:
        return f"{one.name}: cannot be read ({error.strerror})"


def _hash(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mac(manifest: Manifest, ring: KeyRing) -> str:
    bare = msgspec.json.encode(msgspec.structs.replace(manifest, mac=""))
    return hmac.digest(ring.derive("backup", manifest.keys[0]), bare, "sha256").hex()
