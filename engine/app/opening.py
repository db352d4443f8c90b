"""The store that the settings name, opened with its keys."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import Misconfigured, Unavailable
from engine.privacy.sealing import PUBLIC_TEXT, Reader
from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store, server_of, store_file

__all__ = ["check_there", "made_reader", "open_settings", "open_with", "reader_of", "ring_of"]


def ring_of(settings: Settings) -> KeyRing:
    """The keys: `WARDLINE_KEY`, else the key file (made on first start, before there is a store), by default
    beside the store's file. Raises `Misconfigured`."""
    file = store_file(settings.store)
    beside = file.with_suffix(".key") if file else Path("var/wardline.key")
    first = file is None or not file.exists() or not file.stat().st_size
    return KeyRing.load(os.environ, settings.key_file or beside, may_make=first)


def reader_of(settings: Settings, ring: KeyRing) -> Reader:
    """Whom identifiers are sealed for: who `WARDLINE_REIDENTIFY_PUBLIC` says, else a pair derived from the
    ring's current key. Raises `Misconfigured`."""
    return made_reader(settings) or Reader.of_ring(ring.current, ring.derive("reidentify", ring.current))


def made_reader(settings: Settings) -> Reader | None:
    """Who `WARDLINE_REIDENTIFY_PUBLIC` (the key, or a file that holds it) says. Raises `Misconfigured`."""
    given, where = settings.reidentify_public, "WARDLINE_REIDENTIFY_PUBLIC"
    if not given:
        return None
    if len(given) != PUBLIC_TEXT:
        try:
            given, where = Path(given).read_text("ascii", "replace")[:1024], given
        except OSError as error:
            raise Misconfigured(f"cannot be read: {error.strerror}", where=given) from None
    return Reader.parse(given, where)


def check_there(settings: Settings) -> None:
    """Raise `Misconfigured` where the store is a file that is not there: to open it would make one."""
    file = store_file(settings.store)
    if file and not file.exists():
        raise Misconfigured(
            "there is no store here",
            where=str(file),
            hint="WARDLINE_STORE or --store says where it is; wardline run and wardline deploy make one",
        )


def open_settings(settings: Settings) -> Store:
    """Open the store. Raises `Misconfigured` or `Unavailable`."""
    return open_with(settings, ring_of(settings))


def open_with(settings: Settings, ring: KeyRing) -> Store:
    """Open the store with these keys. Raises `Misconfigured`, and `Unavailable` with where to look."""
    try:
        return open_store(settings.store, ring, settings.cabinet)
    except Unavailable as error:
        raise Unavailable(f"{error}: {_look(settings.store)}") from None


def _look(url: str) -> str:
    if file := store_file(url):
        return f"may this account write {file} and its folder, and is there room?"
    return (
        f"is PostgreSQL at {server_of(url)} up, and does it let in the account of WARDLINE_STORE"
        " to that database?"
    )
