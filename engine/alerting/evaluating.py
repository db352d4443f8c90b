"""What is wrong now: watches held against facts. Pure; what follows from it is `engine.alerting.raising`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from engine.alerting.watch import FEWEST, ChannelWatch, Facts, Listening, Watches
from engine.measuring.reading import share_within
from engine.model import Owner
from engine.watching import Found, Kind, cause_of

__all__ = ["Judged", "judge"]

_BELOW: Final = frozenset({Kind.DISK, Kind.CERTIFICATE, Kind.ODOO_KEY})
"""Kinds whose limit is the least that is right; of the others it is the most."""

_QUEUES: Final = (Kind.QUEUE_AGE, Kind.QUEUE_LENGTH, Kind.SERVICE_LEVEL)
_LAG: Final = 15.0
"""Seconds after which what came is known to have come (`engine.measuring`)."""

_WAITING: Final = ("unrouted", "due")


class Judged(msgspec.Struct, frozen=True):
    """What was found by cause, and the causes of which nothing can be said now: they stay as they are."""

    found: dict[str, Found]
    unknown: frozenset[str] = frozenset()


def judge(watches: Watches, facts: Facts) -> Judged:
    """What is wrong now. Where a destination takes nothing, that is told once, and not again of each queue
    behind it; what a person stopped stands still because it should."""
    found = [*_destinations(watches, facts), *_gauges(watches, facts)]
    unknown: set[str] = set()
    for watch in watches.channels:
        covered = _covered(watch, facts)
        unknown |= {cause_of(kind, f"channel:{watch.channel}") for kind in covered}
        found += (one for one in _channel(watch, facts) if one.kind not in covered)
    default = watches.to
    told = [one if one.to else msgspec.structs.replace(one, to=default) for one in found]
    return Judged({one.cause: one for one in told}, frozenset(unknown))


def _covered(watch: ChannelWatch, facts: Facts) -> tuple[Kind, ...]:
    """What follows from something that is known already."""
    stopped = f"routing {watch.channel}" in facts.held or any(
        one in facts.away or f"destination {one}" in facts.held for one in watch.destinations
    )
    silent = f"door {watch.channel}" in facts.held
    return (*(_QUEUES if stopped else ()), *((Kind.SILENT, Kind.DOOR) if silent else ()))


def _channel(watch: ChannelWatch, facts: Facts) -> Iterator[Found]:
    yield from _silent(watch, facts)
    yield from _door(watch, facts)
    yield from _queue(watch, facts)
    yield from _shares(watch, facts)
    yield from _dead(watch, facts)


def _silent(watch: ChannelWatch, facts: Facts) -> Iterator[Found]:
    """The expectation that was overdue first."""
    listening = facts.listening.get(watch.channel)
    if listening is None or not watch.expects:
        return
    gone = listening.away if listening.open else (*listening.away, (listening.since, float("inf")))
    seen = facts.seen.get(watch.channel, 0.0)
    since = seen or _first_listened(listening)
    overdue = [
        (due, one)
        for one in watch.expects
        if (due := one.due(since, gone)) is not None and due + _LAG <= facts.now
    ]
    if overdue:
        _, one = min(overdue, key=lambda pair: pair[0])
        said = {"expected": one.said} | ({} if seen else {"heard": "never"})
        yield _of(watch, Kind.SILENT, facts.now - since, one.every, **said)


def _first_listened(listening: Listening) -> float:
    return min((listening.since, *(start for start, _ in listening.away)))


def _door(watch: ChannelWatch, facts: Facts) -> Iterator[Found]:
    listening, limit = facts.listening.get(watch.channel), watch.limits.get(Kind.DOOR)
    if listening and not listening.open and limit is not None:
        shut = facts.now - listening.since
        if shut >= limit:
            yield _of(watch, Kind.DOOR, shut, limit)


def _queue(watch: ChannelWatch, facts: Facts) -> Iterator[Found]:
    waiting = facts.backlog.get(watch.channel, {})
    amounts = {
        Kind.QUEUE_AGE: waiting.get("oldest", 0.0),
        Kind.QUEUE_LENGTH: sum(waiting.get(word, 0.0) for word in _WAITING),
    }
    for kind, amount in amounts.items():
        limit = watch.limits.get(kind)
        if limit is not None and amount > limit:
            yield _of(watch, kind, amount, limit)


def _shares(watch: ChannelWatch, facts: Facts) -> Iterator[Found]:
    limit = watch.limits.get(Kind.ERROR_RATE)
    failed = [amounts.get(watch.channel, (0.0, 0.0)) for amounts in (facts.routed, facts.settled)]
    rates = [(bad / every, every) for bad, every in failed if every >= FEWEST]
    if limit is not None and rates and max(rates)[0] > limit:
        rate, every = max(rates)
        yield _of(watch, Kind.ERROR_RATE, rate, limit, messages=f"{every:.0f}")
    took = facts.took.get(watch.channel, {})
    limit, kept = watch.limits.get(Kind.SERVICE_LEVEL), share_within(took, watch.within)
    if limit is not None and kept is not None and sum(took.values()) >= FEWEST and kept < limit:
        yield _of(watch, Kind.SERVICE_LEVEL, kept, limit, within=f"{watch.within:g}")
    seconds, answered = facts.answers.get(watch.channel, (0.0, 0.0))
    limit = watch.limits.get(Kind.ACKNOWLEDGEMENT)
    if limit is not None and answered >= FEWEST and seconds > limit:
        yield _of(watch, Kind.ACKNOWLEDGEMENT, seconds, limit)


def _dead(watch: ChannelWatch, facts: Facts) -> Iterator[Found]:
    """One cause for each reason: what is wrong with codes is not what is wrong with rights."""
    limit = watch.limits.get(Kind.DEAD_LETTERS)
    for one in facts.dead:
        if one.channel == watch.channel and limit is not None and one.messages >= limit:
            yield Found(
                kind=Kind.DEAD_LETTERS,
                subject=f"channel:{watch.channel}/{one.code}",
                value=float(one.messages),
                limit=limit,
                channel=watch.channel,
                owner=one.owner,
                to=(watch.business or watch.to) if one.owner is Owner.BUSINESS else watch.to,
                said={"reason": one.code},
            )


def _destinations(watches: Watches, facts: Facts) -> Iterator[Found]:
    limit = watches.node.get(Kind.DESTINATION)
    for name, away in facts.away.items():
        if limit is None or f"destination {name}" in facts.held or facts.now - away.since < limit:
            continue
        to = {route: None for one in watches.channels if name in one.destinations for route in one.to}
        told = dict.fromkeys((*watches.to, *to))
        said = {"reason": away.reason} if away.reason else {}
        yield Found(
            kind=Kind.DESTINATION, subject=f"destination:{name}", value=facts.now - away.since, limit=limit,
            to=tuple(told), said=said,
        )  # fmt: skip


def _gauges(watches: Watches, facts: Facts) -> Iterator[Found]:
    """What was measured of the node itself."""
    for kind, measured in facts.gauges.items():
        limit = watches.node.get(kind)
        if limit is None:
            continue
        for subject, value in measured.items():
            if value < limit if kind in _BELOW else value > limit:
                yield Found(
                    kind=kind, subject=subject, value=value, limit=limit, channel=_channel_in(subject)
                )


def _channel_in(subject: str) -> str:
    word, _, name = subject.partition(":")
    return name if word == "channel" else ""


def _of(watch: ChannelWatch, kind: Kind, value: float, limit: float, **said: str) -> Found:
    return Found(
        kind=kind, subject=f"channel:{watch.channel}", value=value, limit=limit, channel=watch.channel,
        to=watch.to, said=said,
    )  # fmt: skip
