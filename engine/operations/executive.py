"""Figures for those who answer for the whole: each says what it is, of how many, since when. No message is
behind them that anybody could read here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.accounts.words import Caller, Permission
from engine.config.watched import watches_of
from engine.measuring.reading import Line, buckets, lines, quantile, share_within, totals
from engine.operations.loading import loaded
from engine.operations.operation import Desk, Operation
from engine.operations.purchasing import orders_of
from engine.store.contracts.figures import Ended
from engine.watching import Kind

__all__ = ["OPERATIONS", "SHOW", "Executive", "Figure", "Promise", "figures"]

DAY: Final = 86400.0
MOST: Final = 20_000
"""Effects that are looked at, the newest first."""

KEPT: Final = 60.0
"""Seconds for which figures are shown again as they were: some count what many days hold."""

Unit = Literal["seconds", "share", "per-thousand", "days", "count"]


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The last so many days."""

    days: Annotated[int, Meta(ge=1, le=366)] = 7


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number. `value` is none where nothing was counted; `means` says what it is, `formula` how it is
    made, `of` how many things it was made of and `what` they are; `further` are numbers beside it, in the
    same unit; `note` what keeps it from being whole."""

    name: str
    title: str
    unit: Unit
    value: float | None
    means: str
    formula: str
    of: int
    what: str
    further: dict[str, float] = {}
    note: str = ""


class Promise(msgspec.Struct, frozen=True):
    """What a channel promises: so much (`least`, a share) of its effects stand `within` so many seconds; and
    which share of `of` effects did. One that was refused did not."""

    channel: str
    within: float
    least: float
    of: int
    share: float | None


class Volume(msgspec.Struct, frozen=True):
    """A span of time that begins `at` (seconds since the epoch): messages taken, and what stopped."""

    at: float
    taken: float
    stopped: float


class Executive(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period (`since` and `until` in seconds since the epoch)."""

    since: float
    until: float
    figures: list[Figure]
    promises: list[Promise]
    volume: list[Volume]


def figures(desk: Desk, since: float, until: float) -> Executive:
    """The figures of a period. An Odoo that cannot be asked leaves its figures empty, with a note."""
    ended = desk.store.ended(since, MOST)
    taken, stopped = _series(desk, since, until)
    made = [
        _exceptions(sum(map(_sum, taken)), sum(map(_sum, stopped)), _turned_away(desk, since, until)),
        _acknowledged(desk, since, until),
        _carried_out(desk, since, until),
        _stock_out(ended),
        _procurement(desk, ended),
        _charge_lag(ended),
    ]
    return Executive(
        since=since, until=until, figures=made, promises=_promises(desk, since, until),
        volume=_volume(taken, stopped),
    )  # fmt: skip


def _turned_away(desk: Desk, since: float, until: float) -> float:
    return sum(totals(desk.store, "wardline_messages_refused", since=since, until=until).values())


def _exceptions(taken: float, stopped: float, refused: float) -> Figure:
    return Figure(
        name="exception-rate", title="Exceptions", unit="per-thousand",
        value=1000 * stopped / taken if taken else None,
        means="How often something stops until a person looks at it.",
        formula="1,000 × (messages answered with an error + messages that became dead letters + effects that"
        " were refused) ÷ messages taken",
        of=round(taken), what="messages taken",
        note=f"{refused:,.0f} more came and were answered with an error" if refused else "",
    )  # fmt: skip


def _acknowledged(desk: Desk, since: float, until: float) -> Figure:
    timed = buckets(desk.store, "wardline_acknowledge_seconds", since=since, until=until)
    counted = _merged(timed)
    taken = totals(desk.store, "wardline_messages_accepted", since=since, until=until)
    missing = round(sum(max(taken.get(one, 0.0) - sum(some.values()), 0.0) for one, some in timed.items()))
    return Figure(
        name="acknowledgement", title="Acknowledgement, 95th percentile", unit="seconds",
        value=quantile(counted, 0.95),
        means="How long a sender waits until its message is safe and it is told so.",
        formula="95 of 100 acknowledgements left within this time after the last byte of their message",
        of=round(sum(counted.values())), what="acknowledgements",
        further=_quantiles(counted, {"median": 0.5, "99th percentile": 0.99}),
        note=f"{missing:,} more were not timed, as in the seconds before a crash" if missing else "",
    )  # fmt: skip


def _carried_out(desk: Desk, since: float, until: float) -> Figure:
    counted = _merged(buckets(desk.store, "wardline_end_to_end_seconds", since=since, until=until))
    return Figure(
        name="end-to-end", title="Message to document, 95th percentile", unit="seconds",
        value=quantile(counted, 0.95),
        means="How long it takes from a message to what stands in Odoo because of it.",
        formula="95 of 100 effects stood within this time after their message was received; what waits for a"
        " schedule or a person counts until it stands",
        of=round(sum(counted.values())), what="effects",
        further=_quantiles(counted, {"median": 0.5, "99th percentile": 0.99}),
    )  # fmt: skip


def _stock_out(ended: Sequence[Ended]) -> Figure:
    wanted = [one for one in ended if one.kind == "reserve"]
    short = [one for one in wanted if one.state == "dead" or "short by" in one.note]
    nothing = [one for one in short if "purchase.order" not in one.documents]
    return Figure(
        name="stock-out-risk", title="Stock-out risk", unit="share",
        value=len(short) / len(wanted) if wanted else None,
        means="How often what a procedure or a ward needs was not in stock when it was asked for.",
        formula="reservations that found too little in stock ÷ reservations",
        of=len(wanted), what="reservations",
        further={"nothing ordered either": len(nothing) / len(wanted)} if wanted else {},
        note=_bounded(ended),
    )  # fmt: skip


def _procurement(desk: Desk, ended: Sequence[Ended]) -> Figure:
    asked: dict[str, set[int]] = {}
    for one in ended:
        for word in one.documents.get("purchase.order", "").split(","):
            if word.isdecimal():
                asked.setdefault(one.destination, set()).add(int(word))
    orders, note = orders_of(asked, desk.environ)
    took = sorted((one.arrived - one.made) / DAY for one in orders if one.arrived)
    waiting = sorted((desk.clock() - one.made) / DAY for one in orders if one.open)
    return Figure(
        name="procurement-cycle", title="Procurement cycle, median", unit="days",
        value=_middle(took),
        means="How long it takes from a need to the goods, for what Wardline had ordered.",
        formula="the middle one of (arrival of the goods − making of the order), over orders that have"
        " arrived; read from Odoo",
        of=len(took), what="orders that have arrived",
        further={"oldest open order": waiting[-1]} if waiting else {},
        note=note or (f"{len(waiting)} orders are still open" if waiting else ""),
    )  # fmt: skip


def _charge_lag(ended: Sequence[Ended]) -> Figure:
    charges = [one for one in ended if one.kind == "charge" and one.state == "delivered" and one.day]
    lags = sorted((one.settled_at // DAY) - (one.day.toordinal() - 719163) for one in charges if one.day)
    late = [lag for lag in lags if lag > 1]
    return Figure(
        name="charge-lag", title="Charge lag, median", unit="days",
        value=_middle(lags),
        means="How late a charge stands in Odoo after the day of the service.",
        formula="the middle one of (day on which the charge stood − day of the service), in days of UTC",
        of=len(charges), what="charges",
        further={"later than the next day": float(len(late))} if charges else {},
        note=_bounded(ended),
    )  # fmt: skip


def _promises(desk: Desk, since: float, until: float) -> list[Promise]:
    span: dict[str, Any] = {"since": since, "until": until}
    stood = buckets(desk.store, "wardline_end_to_end_seconds", **span)
    refused = totals(desk.store, "wardline_settled", **span, where={"outcome": "refused"})
    made = []
    for watch in watches_of(loaded(desk).channels.values()):
        if watch.within:
            mine = stood.get(watch.channel, {})
            total = sum(mine.values()) + refused.get(watch.channel, 0.0)
            kept = (share_within(mine, watch.within) or 0.0) * sum(mine.values())
            least = watch.limits.get(Kind.SERVICE_LEVEL, 0.0)
            share = kept / total if total else None
            made.append(Promise(watch.channel, watch.within, least, round(total), share))
    return sorted(made, key=lambda one: (one.share is None, one.share, one.channel))


def _series(desk: Desk, since: float, until: float) -> tuple[list[Line], list[Line]]:
    """What was taken, and what stopped: each in lines of the same steps."""
    step = 3600 if until - since <= 3 * DAY else 86400
    span: dict[str, Any] = {"since": since, "until": until, "step": step, "by": ""}
    taken = lines(desk.store, "wardline_messages_accepted", **span)
    stopped = [
        lines(desk.store, "wardline_messages_refused", **span),
        lines(desk.store, "wardline_messages_routed", **span, where={"result": "dead"}),
        lines(desk.store, "wardline_settled", **span, where={"outcome": "refused"}),
    ]
    return list(taken.values()), [line for some in stopped for line in some.values()]


def _volume(taken: Sequence[Line], stopped: Sequence[Line]) -> list[Volume]:
    every = [*taken, *stopped]
    if not every:
        return []
    first, step = every[0].start, every[0].step
    return [Volume(first + at * step, _at(taken, at), _at(stopped, at)) for at in range(len(every[0].values))]


def _at(some: Sequence[Line], at: int) -> float:
    return sum(line.values[at] for line in some)


def _sum(line: Line) -> float:
    return sum(line.values)


def _merged(counted: Mapping[str, Mapping[float, float]]) -> dict[float, float]:
    whole: dict[float, float] = {}
    for some in counted.values():
        for bound, times in some.items():
            whole[bound] = whole.get(bound, 0.0) + times
    return dict(sorted(whole.items()))


def _quantiles(counted: Mapping[float, float], wanted: Mapping[str, float]) -> dict[str, float]:
    found = {name: quantile(counted, share) for name, share in wanted.items()}
    return {name: value for name, value in found.items() if value is not None}


def _middle(values: Sequence[float]) -> float | None:
    return values[len(values) // 2] if values else None


def _bounded(ended: Sequence[Ended]) -> str:
    return f"made of the newest {MOST:,} effects of the period" if len(ended) >= MOST else ""


class _Kept:
    """Figures as they were a moment ago, by period: one that everybody looks at is counted once."""

    def __init__(self) -> None:
        self._lock, self._made = threading.Lock(), dict[tuple[int, int], tuple[float, Executive]]()

    def get(self, store: int, days: int, now: float, make: Callable[[], Executive]) -> Executive:
        with self._lock:
            self._made = {key: one for key, one in self._made.items() if 0 <= now - one[0] < KEPT}
            found = self._made.get((store, days))
            if found is None:
                found = self._made[store, days] = (now, make())
            return found[1]


_kept = _Kept()


def _show(desk: Desk, _: Caller, asked: Period) -> Executive:
    now = desk.clock()
    return _kept.get(id(desk.store), asked.days, now, lambda: figures(desk, now - asked.days * DAY, now))


SHOW: Final = Operation(
    name="executive.show", method="GET", path="/executive", needs=Permission.SEE, asks=Period,
    gives=Executive, call=_show, text="Figures of the last days, each with what it is made of.",
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (SHOW,)
