"""The store that the settings name, opened with its keys."""

from __future__ import annotations

import os
from pathlib import Path

from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store, store_file

__all__ = ["open_settings", "ring_of"]


def ring_of(settings: Settings) -> KeyRing:
    """The keys: `WARDLINE_KEY`, else the key file (made on first start), by default beside the store's
    file. Raises `Misconfigured`."""
    file = store_file(settings.store)
    beside = file.with_suffix(".key") if file else Path("var/wardline.key")
    return KeyRing.load(os.environ, settings.key_file or beside)


def open_settings(settings: Settings) -> Store:
    """Open the store. Raises `Misconfigured` or `Unavailable`."""
    return open_store(settings.store, ring_of(settings))
