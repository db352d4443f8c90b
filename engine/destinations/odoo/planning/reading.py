"""The one way from a plan to an Odoo: reads, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.destinations.odoo.client import Wire
from engine.destinations.odoo.faults import refusal
from engine.model import ReasonCode

__all__ = ["READS", "ReadOnly"]

READS: Final = frozenset(
    {"search_read", "fields_get", "get_external_id", "context_get", "check_object_reference"}
)
"""All that a plan ever asks of Odoo. None of them writes."""


class ReadOnly:
    """A wire that lets nothing through but `READS`: what is planned over it cannot write."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.transport, self.version = wire.transport, wire.version

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        """One read; see `client.Wire`. Raises `Unacceptable` (`internal`) for whatever is none."""
        if method not in READS:
            raise refusal(ReasonCode.INTERNAL, "a plan only reads", f"{model}.{method}")
        return self._wire.call(model, method, ids, context, args)

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()
