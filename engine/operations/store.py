"""The store itself: how large it is, how long its disk lasts."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.operations.operation import Desk, Operation
from engine.upkeep.status import StoreStatus, status_of

__all__ = ["OPERATIONS", "STATUS"]


class OfStore(msgspec.Struct, frozen=True):
    """The one store there is."""


def _status(desk: Desk, _caller: Caller, _asked: OfStore) -> StoreStatus:
    return status_of(desk.store, desk.clock())


STATUS: Final = Operation(
    "store.status", "GET", "/store",
    "How large the store is, by how much it grew, how many days its disk lasts, when the newest backup was"
    " made.",
    Permission.SEE, OfStore, StoreStatus, _status,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (STATUS,)
