"""The store that the settings name, opened with its keys."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import Misconfigured
from engine.privacy.sealing import PUBLIC_TEXT, Reader
from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store, store_file

__all__ = ["made_reader", "open_settings", "reader_of", "ring_of"]


def ring_of(settings: Settings) -> KeyRing:
    """The keys: `WARDLINE_KEY`, else the key file (made on first start), by default beside the store's
    file. Raises `Misconfigured`."""
    file = store_file(settings.store)
    beside = file.with_suffix(".key") if file else Path("var/wardline.key")
    return KeyRing.load(os.environ, settings.key_file or beside)


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


def open_settings(settings: Settings) -> Store:
    """Open the store. Raises `Misconfigured` or `Unavailable`."""
    return open_store(settings.store, ring_of(settings), settings.cabinet)
