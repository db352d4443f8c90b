"""One run of the reconciliation: the store's books read once, then every Odoo, page by page. Only reads.

The period is read from its beginning until now, for a later message says what should stand of an earlier one;
only what the scope names is reported. What something is on its way for, or came for while the check ran, is
left to the next check. Memory grows with the documents of the period (a few kilobytes each), not with Odoo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from engine.delivery import tokens_of
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.work import Site
from engine.effects import kind_of
from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.model import DeliveryState, MessageState
from engine.reconciling.billing import check_bills
from engine.reconciling.expecting import COMPARED, Ledger, Wanted, name_of
from engine.reconciling.others import check_others
from engine.reconciling.standing import PAGE, Made, Standing, pages
from engine.reconciling.stock import check_stock
from engine.reconciling.totals import Totals
from engine.reconciling.waiting import Flows, delivery_gap, message_gap, unaccounted
from engine.reconciling.words import OPEN_KINDS, Gap, GapKind, Report, Scope
from engine.store.base import Store
from engine.store.contracts.views import DeliveryView, Query

__all__ = ["MOST", "Progress", "check", "open_gaps"]

MOST: Final = 5000
"""Gaps that a report lists; all are counted."""

_ROWS: Final = 1000
DAY: Final = 86400.0
_AT_ONCE: Final = 60.0  # seconds by which messages may be stored later than they were received

Progress = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and how much there is."""


def check(
    store: Store,
    scope: Scope,
    connection: Callable[[str], OdooConnection],
    *,
    now: float,
    told: Progress = lambda _what, _done, _total: None,
    only: frozenset[str] = frozenset(),
) -> Report:
    """What a check finds; `connection` gives the settings of an Odoo by its name (`hospital`); with `only`
    nothing but documents under these keys is looked at. An Odoo that cannot be asked is named in the report.
    Raises `Unavailable` when the store cannot be read."""
    run = _Run(store, scope, now, told, only)
    run.read_books()
    for name in sorted(run.ledgers):
        if scope.destination in ("", name):
            run.look(name, connection)
    return run.report()


def open_gaps(report: Report) -> int:
    """Gaps that are not simply on their way."""
    return sum(count for kind, count in report.counts.items() if kind != GapKind.WAITING.value)


class _Run:
    def __init__(self, store: Store, scope: Scope, now: float, told: Progress, only: frozenset[str]) -> None:
        self._store, self._scope, self._now, self._told, self._only = store, scope, now, told, only
        self.ledgers: dict[str, Ledger] = {}
        self._received: dict[int, float] = {}
        self._unrouted: set[int] = set()  # messages that may come to effects while this runs
        self._flows, self._totals = Flows(), Totals()
        self._gaps: list[Gap] = []
        self._compared: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._unread: dict[str, str] = {}

    # The store

    def read_books(self) -> None:
        """Messages and deliveries of the period, until now."""
        self._gaps += unaccounted(self._store.gaps(partial(self._told, "books")))
        query = Query(since=self._scope.since, limit=_ROWS)
        while page := self._store.messages(query):
            for view in page:
                self._received[view.id] = view.received_at
                if view.state in (MessageState.RECEIVED, MessageState.FRAGMENT):
                    self._unrouted.add(view.id)
                if self._is_mine(view.channel, view.received_at):
                    self._flows.message(view)
                    gap = message_gap(view, self._now)
                    self._gaps += [gap] if gap else []
            query = replace(query, after=page[-1].id)
            self._told("messages", len(self._received), len(self._received))
        for delivery in self._deliveries(self._scope.since):
            self._take(delivery)

    def _deliveries(self, since: float, state: str = "") -> Iterator[DeliveryView]:
        query = Query(since=since, state=state, limit=_ROWS)
        while page := self._store.deliveries(query):
            yield from page
            query = replace(query, after=page[-1].delivery.id)

    def _take(self, view: DeliveryView) -> None:
        delivery = view.delivery
        received = self._received.get(delivery.message_id, self._now)
        mine = self._is_mine(delivery.channel, received)
        if mine:
            self._flows.effect(view)
            gap = delivery_gap(view, received)
            self._gaps += [gap] if gap else []
        if not delivery.destination.startswith("odoo:"):
            return
        self.ledgers.setdefault(delivery.destination, Ledger()).add(view, received)
        kind = kind_of(delivery.effect)
        if mine and kind not in (*COMPARED, "release") and view.state is DeliveryState.DELIVERED:
            self._untold[kind] += 1

    def _is_mine(self, channel: str, received: float) -> bool:
        until = self._scope.until
        return self._scope.channel in ("", channel) and not (until and received >= until)

    # An Odoo

    def look(self, destination: str, connection: Callable[[str], OdooConnection]) -> None:
        """Hold one ledger against its Odoo."""
        ledger = self.ledgers[destination]
        try:
            standing = Standing(connection(destination.partition(":")[2]))
            try:
                found, strangers = self._compare(standing, ledger), self._strangers(standing, ledger)
            finally:
                standing.close()
        except (Unavailable, Misconfigured, Unacceptable) as error:
            self._unread[destination] = str(error)
            return
        late = self._late(destination)
        found = [gap for gap in found if not late.is_moving_key(gap.key)]
        found += [_stranger(made) for base, made in strangers.items() if base not in late.names]
        self._gaps += [replace(gap, destination=destination) for gap in _once(found)]

    def _late(self, destination: str) -> Ledger:
        """What came for it while this ran, or is on its way by now."""
        late = Ledger()
        last = max(self._received, default=0)
        since = min((self._received[one] for one in self._unrouted), default=self._now)
        for view in self._deliveries(min(since, self._now) - _AT_ONCE):
            delivery = view.delivery
            fresh = delivery.message_id > last or delivery.message_id in self._unrouted
            if fresh and delivery.destination == destination:
                late.touch(delivery.effect)
        for state in (DeliveryState.DUE, DeliveryState.CLAIMED):  # sent again, or anew
            for view in self._deliveries(self._scope.since, state):
                if view.delivery.destination == destination:
                    late.touch(view.delivery.effect)
        return late

    def _compare(self, standing: Standing, ledger: Ledger) -> list[Gap]:
        wanted = ledger.settled(self._scope.channel, self._scope.until)
        wanted = [one for one in wanted if not self._only or one.key in self._only]
        found: list[Gap] = []
        done = 0
        for (company, _), mine in sorted(_grouped(wanted).items()):
            site = standing.site(company)
            for some in pages(mine, PAGE):
                found += self._page(standing, site, some)
                done += len(some)
                self._told(standing.connection.name, done, len(wanted))
        return found

    def _page(self, standing: Standing, site: Site, some: Sequence[Wanted]) -> list[Gap]:
        """Effects of one kind of document."""
        self._compared.update(one.kind for one in some)
        way = _WAYS.get(some[0].kind, "others")
        tokens = {token for one in some for token in tokens_of(one.effect)}
        survivors = self._store.survivors(sorted(tokens)) if tokens else {}
        if way == "others":
            return check_others(standing.connection, some, survivors)
        if way == "bills":
            billed, gaps = check_bills(standing, site, some, survivors)
            self._totals.bills(billed)
            return gaps
        moved, gaps = check_stock(standing, site, some, survivors)
        products = {product for one in moved for product in (*(one.said or {}), *one.found)}
        self._totals.moves(moved, standing.item_codes(products))
        return gaps

    def _strangers(self, standing: Standing, ledger: Ledger) -> dict[str, Made]:
        """What Odoo has of the period by a name of ours that nothing in the books says why; of all channels,
        for a name does not tell its channel."""
        found: dict[str, Made] = {}
        if self._scope.channel or self._only:
            return found
        for company in sorted({one.effect.company for one in ledger.wanted.values()} | {""}):
            site = standing.site(company)
            for model, kinds in _MADE.items():
                for made in standing.made(model, site, self._scope.since, self._scope.until):
                    base = made.name.partition("@")[0]
                    if made.name.startswith(kinds) and base not in ledger.names:
                        found[base] = made
        older = self._store.effects_settled(self._scope.since - DAY, self._scope.since) if found else ()
        for effect in older:
            for name in name_of(effect):
                found.pop(name, None)
        return found

    # Together

    def report(self) -> Report:
        """Everything."""
        order = {kind: at for at, kind in enumerate(GapKind)}
        gaps = sorted(
            self._gaps, key=lambda gap: (gap.kind in OPEN_KINDS, order[gap.kind], gap.since, gap.key)
        )
        return Report(
            gaps=tuple(gaps[:MOST]),
            counts=dict(Counter(gap.kind.value for gap in gaps)),
            by_channel=dict(Counter(gap.channel for gap in gaps if gap.kind is not GapKind.WAITING)),
            totals=self._totals.told(),
            flows=self._flows.told(),
            compared=dict(self._compared),
            untold=dict(self._untold),
            unread=self._unread,
        )


_WAYS: Final = {"charge": "bills", "credit": "bills", "reserve": "stock", "consume": "stock"}
_MADE: Final = {"sale.order.line": ("charge_", "credit_"), "stock.picking": ("reserve_", "consume_")}


def _grouped(wanted: Sequence[Wanted]) -> dict[tuple[str, str], list[Wanted]]:
    """By company and by how they are compared; what is about one visit stands together."""
    found: dict[tuple[str, str], list[Wanted]] = {}
    for one in sorted(wanted, key=lambda one: (getattr(one.effect, "encounter", ""), one.delivery_id)):
        found.setdefault((one.effect.company, _WAYS.get(one.kind, "others")), []).append(one)
    return found


def _once(gaps: Sequence[Gap]) -> list[Gap]:
    """Without what two pages saw: a double of one of theirs is nothing unknown of the other."""
    doubled = {(gap.model, gap.documents) for gap in gaps if gap.kind is GapKind.DOUBLED}
    kept: dict[tuple[str, ...], Gap] = {}
    for gap in gaps:
        if gap.kind is GapKind.UNKNOWN and (gap.model, gap.documents) in doubled:
            continue
        named = str(gap.documents) if gap.kind in (GapKind.DOUBLED, GapKind.UNKNOWN) else gap.key
        kept.setdefault((gap.kind.value, gap.effect, gap.model, named), gap)
    return list(kept.values())


def _stranger(made: Made) -> Gap:
    effect = made.name.partition("_")[0]
    return Gap(
        kind=GapKind.UNKNOWN, subject="charges" if made.model == "sale.order.line" else "stock",
        effect=effect, key="", model=made.model, documents=(made.id,),
        text="Wardline made it, and nothing in the books says why",
        advice="was the store restored from a backup? Have the sender send again: nothing doubles",
    )  # fmt: skip
