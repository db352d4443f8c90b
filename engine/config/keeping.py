"""How long each channel keeps what: the settings, and what its file says instead."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from engine.config.spec import ChannelSpec
from engine.model import Retention

__all__ = ["retention_of"]


def retention_of(specs: Iterable[ChannelSpec], default: Retention) -> dict[str, Retention]:
    """The channels that say something of their own, with what that comes to."""
    said: dict[str, Retention] = {}
    for spec in specs:
        own = {
            "content": spec.retention.content,
            "dead": spec.retention.dead_letters,
            "quarantine": spec.retention.quarantine,
        }
        if given := {name: days for name, days in own.items() if days is not None}:
            said[spec.channel] = replace(default, **given)
    return said
