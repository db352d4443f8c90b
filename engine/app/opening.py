"""The store that the settings name, opened with its keys."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import make_url

from engine.settings import Settings
from engine.store.base import MessageStore
from engine.store.keys import KeyRing
from engine.store.sql import open_store

__all__ = ["open_settings", "ring_of"]


def ring_of(settings: Settings) -> KeyRing:
    """The keys: `WARDLINE_KEY`, else the key file (made on first start), by default beside the store's
    file. Raises `Misconfigured`."""
    default = Path("var/wardline.key")
    url = make_url(settings.store)
    if url.get_backend_name() == "sqlite" and url.database:
        default = Path(url.database).with_suffix(".key")
    return KeyRing.load(os.environ, settings.key_file or default)


def open_settings(settings: Settings) -> MessageStore:
    """Open the store. Raises `Misconfigured` or `Unavailable`."""
    return open_store(settings.store, ring_of(settings))
