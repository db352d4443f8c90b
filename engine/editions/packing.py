"""A set of channels as one thing that can be kept: every file that they are made of, and a hash of that.

The same files and sites always give the same digest, whatever the machine, the folder's name, or the version
of the compression: the digest is over the plain content.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from engine.editions.parts import parts_of
from engine.errors import Misconfigured

__all__ = ["MOST_BYTES", "Packed", "decoded", "pack", "unpack"]

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of all files of an edition together."""


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What is hashed and kept, in this order."""

    sites: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]  # by name


class Packed(msgspec.Struct, frozen=True):
    """The files of an edition by their path below the folder (`tables/items.csv`), and the sites that apply,
    in their order."""

    files: dict[str, bytes]
    sites: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """SHA-256 of files and sites."""
        return hashlib.sha256(self._plain()).digest()

    def encoded(self) -> bytes:
        """As a store keeps it (`EditionStore.propose`)."""
        return zlib.compress(self._plain(), 6)

    def _plain(self) -> bytes:
        return msgspec.msgpack.encode(_Content(self.sites, tuple(sorted(self.files.items()))))


def pack(folder: Path, sites: Sequence[str] = ()) -> Packed:
    """Every file that the channels of a folder are made of, with these sites. Raises `Misconfigured` for a
    file that cannot be read, that lies outside of the folder (a link leads there, too), or for too much."""
    files: dict[str, bytes] = {}
    size = 0
    folder = Path(os.path.normpath(folder))
    for path in parts_of(folder, sites):
        content = _content(path, folder)
        files[path.relative_to(folder).as_posix()] = content
        size += len(content)
        if size > MOST_BYTES:
            raise Misconfigured(f"an edition has {MOST_BYTES >> 20} MiB at most", where=str(folder))
    return Packed(files, tuple(sites))


def decoded(raw: bytes, digest: bytes) -> Packed:
    """What `Packed.encoded` made, if it still is what has this digest. Raises `Misconfigured`."""
    try:
        opener = zlib.decompressobj()
        plain = opener.decompress(raw, 2 * MOST_BYTES)
        content = msgspec.msgpack.decode(plain, type=_Content)
    except (zlib.error, msgspec.DecodeError):
        raise Misconfigured("the files of the edition are damaged", hint="deploy the folder again") from None
    packed = Packed(dict(content.files), content.sites)
    if packed.digest != digest:
        said = "the files of the edition are not the ones that were deployed"
        raise Misconfigured(said, hint="wardline audit verify; then deploy the folder again")
    return packed


def unpack(packed: Packed, into: Path) -> None:
    """Write the files of an edition below `into`, a folder that is made for that: all of them, or there is no
    such folder. Raises `Misconfigured`."""
    try:
        into.mkdir(mode=0o700, parents=True)
        for name, content in packed.files.items():
            path = into / _inside(name)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o600)
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise Misconfigured(
            f"the edition cannot be unpacked: {error.strerror}", where=str(into), hint="free space, TMPDIR"
        ) from None


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise Misconfigured("a file of the edition would lie outside of it", where=name)
    if str(path) != name or not name.isprintable():  # `functions/x.py/` is that file, and ends otherwise
        raise Misconfigured("is not the plain name of a file", where=repr(name)[1:-1])
    return path


def _content(path: Path, folder: Path) -> bytes:
    inside = path.is_relative_to(folder) and path.resolve().is_relative_to(folder.resolve())
    if not inside:
        raise Misconfigured(
            "lies outside of the folder of the channels", where=str(path), hint="put the file into it"
        )
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"the file cannot be read: {error.strerror}", where=str(path)) from None
