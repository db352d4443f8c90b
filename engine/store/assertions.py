"""Which assertions of clients were used: each is good once, also over a restart (RFC 7523, section 3)."""

from __future__ import annotations

from typing import Final

from engine.store.part import Part

__all__ = ["UsedAssertions"]

_FORGET: Final = "DELETE FROM assertions WHERE until <= ?"
_USE: Final = "INSERT INTO assertions (digest, until) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING"


class UsedAssertions(Part):
    """The verb of the token endpoint."""

    def first_use(self, digest: bytes, until: float, now: float) -> bool:
        """`AssertionStore.first_use`."""
        with self._database.write("assertions") as work:
            work.run(_FORGET, (now,))
            return work.run(_USE, (digest, until)) == 1
