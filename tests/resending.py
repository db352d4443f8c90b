"""Dead letters sent on their way again as people do it: those that match are found, then sent."""

from __future__ import annotations

from typing import Any

from engine.auditing import Act, Entry
from engine.store.contracts.fixing import FixStore, Letters

__all__ = ["resent"]


def resent(store: FixStore, *ids: int, now: float, **which: Any) -> list[int]:
    """Send the dead letters of these messages again, or all of them; `which` are words of `Letters`. The
    messages that went."""
    told = Entry(at=now, who="ann", role="user", act=Act.REDELIVER, object="messages")
    return store.resend(store.letters(Letters(ids=ids, **which)), now=now, told=told)
