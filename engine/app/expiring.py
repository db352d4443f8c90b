"""What ends by itself, and would stop messages: certificates of doors, keys of Odoo. Looked at every hour."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

from engine.destinations.odoo import from_environment
from engine.destinations.odoo.preflight import key_ends
from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.store.base import Store
from engine.telemetry import series

__all__ = ["ExpiryLoop", "Secured"]

LOOK: Final = 3600.0
_AT_FIRST: Final = 5.0  # seconds until an edition has been taken up


class Secured(Protocol):
    """A door's TLS."""

    @property
    def expires(self) -> datetime:
        """When its certificate ends. Raises `OSError`, `ValueError`."""


class ExpiryLoop:
    """The work of `engine.threads.Loop`. `secured` are the doors that have a certificate by what they are
    called, `destinations` the names of what is delivered to."""

    def __init__(
        self,
        store: Store,
        secured: Callable[[], Mapping[str, Secured]],
        destinations: Callable[[], Iterable[str]],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._secured, self._destinations, self._clock = store, secured, destinations, clock
        self._begun = False

    def turn(self) -> float:
        """Look, and write when each ends as last values; the seconds to rest. What cannot be asked now keeps
        what was known of it."""
        if not self._begun:
            self._begun = True
            return _AT_FIRST
        found = {**self._certificates(), **self._keys()}
        self._store.measure({}, found, at=self._clock())
        return LOOK

    def _certificates(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, tls in self._secured().items():
            with suppress(OSError, ValueError):  # half written: an hour later it is whole
                found[series("wardline_certificate_expires_at", certificate=name)] = tls.expires.timestamp()
        return found

    def _keys(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name in {one.rpartition("odoo:")[2] for one in self._destinations() if "odoo:" in one}:
            with suppress(Misconfigured, Unacceptable, Unavailable):
                ends = key_ends(from_environment(name, os.environ))
                if ends is not None:
                    found[series("wardline_odoo_key_expires_at", connection=name)] = ends.timestamp()
        return found
