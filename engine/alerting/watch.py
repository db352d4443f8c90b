"""What is watched, as the channels and the settings say it, and the facts that it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from engine.alerting.expectation import Expectation
from engine.model import Owner
from engine.watching import Kind

__all__ = [
    "FEWEST",
    "NODE_LIMITS",
    "RECENT",
    "Away",
    "ChannelWatch",
    "DeadLetters",
    "Facts",
    "Listening",
    "Watches",
]

RECENT: Final = 900.0
"""Seconds that rates, shares and percentiles are worked out over."""

FEWEST: Final = 20
"""Messages below which a share or a percentile says nothing."""

NODE_LIMITS: Final[Mapping[Kind, float]] = MappingProxyType(
    {
        Kind.DESTINATION: 120.0,  # seconds in which nothing was taken
        Kind.GAPS: 0.0,  # gaps
        Kind.DISK: 0.1,  # share that is free
        Kind.BACKUP: 26 * 3600.0,  # seconds since the newest
        Kind.CERTIFICATE: 30.0,  # days left
        Kind.ODOO_KEY: 14.0,  # days left
        Kind.STORE: 30.0,  # seconds
        Kind.PROCESS: 60.0,  # seconds since it was heard of
        Kind.CLOCK: 30.0,  # seconds that it is off
        Kind.AUDIT: 0.0,
        Kind.DAMAGED: 0.0,
        Kind.EDITION: 60.0,  # seconds
    }
)
"""Where nothing else is said."""


class ChannelWatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is watched of one channel: `limits` by kind (what is off is absent); `to` are routes, `business`
    those for what its business owner answers for. `within` are the seconds of its service level."""

    channel: str
    expects: tuple[Expectation, ...] = ()
    limits: Mapping[Kind, float] = {}
    to: tuple[str, ...] = ()
    business: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    within: float = 0.0


class Watches(msgspec.Struct, frozen=True, kw_only=True):
    """All that is watched; `to` are the routes for what belongs to no channel."""

    channels: tuple[ChannelWatch, ...] = ()
    node: Mapping[Kind, float] = NODE_LIMITS
    to: tuple[str, ...] = ()


class Listening(msgspec.Struct, frozen=True):
    """Whether a channel can be heard now, since when that is so, and when it could not be before."""

    open: bool
    since: float
    away: tuple[tuple[float, float], ...] = ()


class DeadLetters(msgspec.Struct, frozen=True):
    """Dead letters of a channel for one reason."""

    channel: str
    code: str
    owner: Owner
    messages: int


class Away(msgspec.Struct, frozen=True):
    """A destination that takes nothing since then."""

    since: float
    reason: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """How things are now, in seconds since the epoch, messages, shares. What is absent is not known.

    `heard` is whether the engine said of late how it stands: without that nothing is known to be over.
    `held` names what a person stopped (`door charges`): it is meant to stand still. `routed` are per channel
    the messages that died and all that were routed of late, `settled` the effects that were refused and all
    that were settled; `took` how many effects stood after how long (`engine.measuring.reading.buckets`);
    `answers` the 95th percentile of acknowledgements and how many; `gauges` by kind what was measured of each
    subject, in the unit of the kind's limit."""

    now: float
    heard: bool = True
    seen: Mapping[str, float] = {}
    listening: Mapping[str, Listening] = {}
    backlog: Mapping[str, Mapping[str, float]] = {}
    routed: Mapping[str, tuple[float, float]] = {}
    settled: Mapping[str, tuple[float, float]] = {}
    took: Mapping[str, Mapping[float, float]] = {}
    answers: Mapping[str, tuple[float, float]] = {}
    dead: tuple[DeadLetters, ...] = ()
    away: Mapping[str, Away] = {}
    held: frozenset[str] = frozenset()
    gauges: Mapping[Kind, Mapping[str, float]] = {}
