"""All operations: what the admin API has, and what the matrix of roles is tested over."""

from __future__ import annotations

from typing import Any, Final

from engine.operations import audit, contents, holding, messages
from engine.operations.operation import Operation

__all__ = ["OPERATIONS"]

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    *audit.OPERATIONS,
    *contents.OPERATIONS,
    *holding.OPERATIONS,
    *messages.OPERATIONS,
)
"""Each subject's module has its own `OPERATIONS`; here they stand together, by name."""
