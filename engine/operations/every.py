"""All operations: what the admin API has, and what the matrix of roles is tested over."""

from __future__ import annotations

from typing import Any, Final

from engine.operations import (
    accounts,
    alerts,
    audit,
    books,
    channels,
    contents,
    deploying,
    editing,
    editions,
    executive,
    fixing,
    holding,
    messages,
    own,
    replaying,
    resolving,
    routes,
    store,
    traffic,
    worklist,
)
from engine.operations.operation import Operation

__all__ = ["OPERATIONS"]

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    *accounts.OPERATIONS,
    *alerts.OPERATIONS,
    *audit.OPERATIONS,
    *books.OPERATIONS,
    *channels.OPERATIONS,
    *contents.OPERATIONS,
    *deploying.OPERATIONS,
    *editing.OPERATIONS,
    *editions.OPERATIONS,
    *executive.OPERATIONS,
    *fixing.OPERATIONS,
    *holding.OPERATIONS,
    *messages.OPERATIONS,
    *own.OPERATIONS,
    *replaying.OPERATIONS,
    *resolving.OPERATIONS,
    *routes.OPERATIONS,
    *store.OPERATIONS,
    *traffic.OPERATIONS,
    *worklist.OPERATIONS,
)
"""Each subject's module has its own `OPERATIONS`; here they stand together, by name."""
