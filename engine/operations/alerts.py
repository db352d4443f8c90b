"""Alerts: what is open, what was; somebody takes one on, or has its cause keep quiet for a while."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from engine.accounts.words import Caller, Permission
from engine.alerting.wording import Event, text_of, title_of
from engine.auditing import Act, Entry
from engine.errors import Misconfigured
from engine.model import Owner
from engine.operations.loading import channel_of
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.watching import Alert, AlertQuery, Kind, Notice

__all__ = ["LIST", "OPERATIONS", "QUIET", "SHOW", "TAKE", "AskAlerts", "AskOne", "AskQuiet", "AskTake",
           "Listed", "Shown", "Told"]  # fmt: skip

LONGEST: Final = 7 * 1440
"""Minutes that a cause may be quiet: who wants more than a week wants the channel to say otherwise."""


class AskAlerts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which alerts: all that is given must hold. `since` and `until` a page: `before` is an alert's id."""

    state: Literal["open", "closed", "all"] = "open"
    channel: str = ""
    kind: str = ""
    since: float = 0.0
    before: int = 0
    limit: int = 100


class AskOne(msgspec.Struct, frozen=True):
    """An alert by its number."""

    id: int


class AskTake(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, and what the person who takes it on is about to do."""

    id: int
    why: str
    ticket: str = ""


class AskQuiet(msgspec.Struct, frozen=True, kw_only=True):
    """An alert whose cause keeps quiet for so many minutes; 0 ends that."""

    id: int
    minutes: int
    why: str
    ticket: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as people see it: `title` says it in a line. `value` and `worst` are beyond `limit`, in the
    unit of the kind: seconds, messages, shares of one, days. `state` is open, quiet or closed. Times in
    seconds since the epoch; 0: never."""

    id: int
    kind: Kind
    subject: str
    channel: str
    owner: Owner
    critical: bool
    state: Literal["open", "quiet", "closed"]
    title: str
    opened_at: float
    closed_at: float
    value: float
    worst: float
    limit: float
    times: int
    said: dict[str, str]
    taken_by: str
    taken_at: float
    quiet_until: float
    why: str


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first; `next` is the `before` of the next page, 0 on the last. `open` counts those that
    are open, `critical` those of them in which something stands still."""

    alerts: tuple[Shown, ...]
    next: int
    open: int
    critical: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with what was and is to be told of it, in words and by which routes; others of its cause
    before it. `contact` is whom its channel names as its owner."""

    alert: Shown
    text: str
    contact: str
    runbook: str
    notices: tuple[Notice, ...]
    earlier: tuple[Shown, ...]


def _list(desk: Desk, _: Caller, asked: AskAlerts) -> Listed:
    if asked.kind and asked.kind not in list(Kind):
        raise Misconfigured("is no kind of alert", where="kind", hint=", ".join(Kind))
    limit = max(1, min(asked.limit, 500))
    query = AlertQuery(
        open={"open": True, "closed": False, "all": None}[asked.state],
        channel=asked.channel, kind=asked.kind, since=asked.since, before=asked.before, limit=limit + 1,
    )  # fmt: skip
    found, now = desk.store.alerts(query), desk.clock()
    stand = desk.store.open_alerts()
    return Listed(
        alerts=tuple(_shown(one, now) for one in found[:limit]),
        next=found[limit - 1].id if len(found) > limit else 0,
        open=len(stand),
        critical=sum(one.critical for one in stand),
    )


def _show(desk: Desk, _: Caller, asked: AskOne) -> Told:
    alert, now = _one(desk, asked.id), desk.clock()
    of_kind = desk.store.alerts(
        AlertQuery(channel=alert.channel, kind=alert.kind, before=alert.id, limit=100)
    )
    earlier = [one for one in of_kind if one.cause == alert.cause][:10]
    return Told(
        alert=_shown(alert, now),
        text=text_of(Event("closed" if alert.closed_at else "opened", alert)),
        contact=_contact(desk, alert),
        runbook=f"runbooks/alert-{alert.kind}",
        notices=tuple(desk.store.notices(alert.id)),
        earlier=tuple(_shown(one, now) for one in earlier),
    )


def _contact(desk: Desk, alert: Alert) -> str:
    channel = channel_of(desk, alert.channel) if alert.channel else None
    if channel is None:
        return ""
    owner = channel.spec.owner
    return {Owner.BUSINESS: owner.business, Owner.TECHNICAL: owner.technical}.get(alert.owner, "")


def _take(desk: Desk, caller: Caller, asked: AskTake) -> Shown:
    told = _told(desk, caller, asked, {"kind": _one(desk, asked.id).kind})
    return _done(desk, asked.id, desk.store.take_alert(asked.id, at=told.at, told=told))


def _quiet(desk: Desk, caller: Caller, asked: AskQuiet) -> Shown:
    if not 0 <= asked.minutes <= LONGEST:
        raise Misconfigured("is too long", where="minutes", hint=f"0 to {LONGEST}, which is a week")
    more = {"kind": _one(desk, asked.id).kind.value, "minutes": str(asked.minutes)}
    told = _told(desk, caller, asked, more)
    until = told.at + 60 * asked.minutes if asked.minutes else 0.0
    return _done(desk, asked.id, desk.store.quiet_alert(asked.id, until=until, at=told.at, told=told))


def _one(desk: Desk, number: int) -> Alert:
    found = desk.store.alerts(AlertQuery(before=number + 1, limit=1))
    if not found or found[0].id != number:
        raise NotThere(f"there is no alert {number}")
    return found[0]


def _done(desk: Desk, number: int, alert: Alert | None) -> Shown:
    if alert is None:
        raise Misconfigured("it is over", where=f"alert {number}", hint="only an open one can be")
    return _shown(alert, desk.clock())


def _told(desk: Desk, caller: Caller, asked: AskTake | AskQuiet, detail: dict[str, str]) -> Entry:
    return entry(
        desk, caller, Act.ALERT, f"alert:{asked.id}", why=asked.why, ticket=asked.ticket, detail=detail
    )


def _shown(alert: Alert, now: float) -> Shown:
    state: Literal["open", "quiet", "closed"] = "quiet" if alert.quiet_until > now else "open"
    return Shown(
        id=alert.id, kind=alert.kind, subject=alert.subject, channel=alert.channel, owner=alert.owner,
        critical=alert.critical, state="closed" if alert.closed_at else state, title=title_of(alert),
        opened_at=alert.opened_at, closed_at=alert.closed_at, value=alert.value, worst=alert.worst,
        limit=alert.limit, times=alert.times, said=alert.said, taken_by=alert.taken_by,
        taken_at=alert.taken_at, quiet_until=alert.quiet_until, why=alert.why,
    )  # fmt: skip


LIST: Final[Operation[AskAlerts, Listed]] = Operation(
    "alerts.list", "GET", "/alerts", "What is not as it was promised, now or before.",
    Permission.SEE, AskAlerts, Listed, _list,
)  # fmt: skip
SHOW: Final[Operation[AskOne, Told]] = Operation(
    "alerts.show", "GET", "/alerts/{id}", "One alert, with what was told of it and its runbook.",
    Permission.SEE, AskOne, Told, _show,
)  # fmt: skip
TAKE: Final[Operation[AskTake, Shown]] = Operation(
    "alerts.take", "POST", "/alerts/{id}/take", "Look after an alert from now on.",
    Permission.HOLD, AskTake, Shown, _take, reasoned=True,
)  # fmt: skip
QUIET: Final[Operation[AskQuiet, Shown]] = Operation(
    "alerts.quiet", "POST", "/alerts/{id}/quiet",
    "Tell nobody of an alert's cause for so many minutes; then again of what is still open.",
    Permission.HOLD, AskQuiet, Shown, _quiet, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (LIST, SHOW, TAKE, QUIET)
