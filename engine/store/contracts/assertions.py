"""What every store promises about what may happen once only."""

from __future__ import annotations

from typing import Protocol

__all__ = ["AssertionStore"]


class AssertionStore(Protocol):
    """Safe storage for what may happen once only at the token endpoint."""

    def first_use(self, digest: bytes, until: float, now: float) -> bool:
        """Remember durably that the assertion with this digest (16 bytes) was used, `until` it is of no use
        anyway, and say whether this was the first time."""
        ...
