"""A store as it is after years: settled messages and what came of them, spread over two years up to now.

    python -m bench.years URL --messages 3000000

The rows are those that the product writes, written in bulk: a busy hospital's channels, contents and
whom they name of the last thirty days, dead letters of the last ninety, the audit through its own verb.
"""

from __future__ import annotations

import argparse
import os
import random
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.progress import track

from bench.load import message
from engine.auditing import Act, Entry
from engine.effects import Charge, Encounter, Item, Money, Reserve, encode
from engine.model import MessageState, Reason, ReasonCode
from engine.privacy.mentions import term
from engine.privacy.searching import KnownAuthorities, spellings
from engine.privacy.tokens import DOMAINS, mint
from engine.privacy.vault import Vault
from engine.store.contents import DAY_SECONDS
from engine.store.keys import KeyRing
from engine.store.part import as_json
from engine.store.rows import bound_of
from engine.store.sql import SqlStore, open_store
from engine.store.tables import MENTIONS_PART, PER_MESSAGE
from engine.store.trail import TURN, append
from engine.telemetry import series
from engine.watching import Kind

__all__ = ["KEY", "MRNS", "YEARS", "fill"]

KEY: Final = "bench:" + "A" * 43 + "="
YEARS: Final = 2 * 365 * DAY_SECONDS
MRNS: Final = 20_000
"""Persons whose numbers (`0`, `1`, …, given by HOSP) can be found."""

_CHANNELS: Final = ("dft-charges", "adt-encounters", "lab-charges", "ward-orders", "pharmacy-dispense")
_DESTINATION: Final = "odoo:hospital"
_VISITS_EACH: Final = 8
"""Messages about one visit, about; those of a visit lie within some days."""
_CONTENT_DAYS, _DEAD_DAYS = 30, 90
_PIECE: Final = 20_000

_MESSAGE: Final = (
    "INSERT INTO messages (id, channel, type, state, received_at, answered, is_original, original, bytes,"
    " effects, fingerprint, digest, step, reason, edition)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
)
_CONTENT: Final = "INSERT INTO contents (message_id, key_id, sealed) VALUES (?, ?, ?)"
_MENTION: Final = "INSERT INTO mentions (part, term, message_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DELIVERY: Final = (
    "INSERT INTO deliveries (id, message_id, channel, destination, lane, sequence_key, effect, checksum,"
    " state, attempts, due_at, reason, documents, settled_at)"
    " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, 1, ?, ?, ?, ?)"
)
_TOKEN: Final = (
    "INSERT INTO tokens (token, domain, tenant, key_id, sealed, subject, created_at)"
    " VALUES (?, ?, '', 'bench', ?, '', ?)"
)
_LOOKUP: Final = "INSERT INTO lookups (lookup, token, key_id) VALUES (?, ?, 'bench')"
_MEASURE: Final = "INSERT INTO measures (span, at, series, value) VALUES (?, ?, ?, ?)"
_ALERT: Final = (
    "INSERT INTO alerts (id, cause, kind, channel, owner, opened_at, closed_at, seen_at, detail)"
    " VALUES (?, ?, ?, ?, 'technical', ?, ?, ?, ?)"
)
_REFUSED: Final = Reason(ReasonCode.UNKNOWN_REFERENCE, "item", "there is no such item in the ERP")
_UNREADABLE: Final = Reason(ReasonCode.UNKNOWN_TYPE, "MSH-9", "is none of the types of this channel")
_SHARES: Final = (
    (MessageState.DELIVERED, 0.62), (MessageState.FILTERED, 0.33), (MessageState.DUPLICATE, 0.04),
    (MessageState.SHADOWED, 0.007), (MessageState.SKIPPED, 0.0015), (MessageState.QUARANTINED, 0.0015),
)  # fmt: skip
_DEAD: Final = 0.002
"""Of the last ninety days."""


class _Rows(NamedTuple):
    messages: list[tuple[Any, ...]]
    contents: list[tuple[Any, ...]]
    mentions: list[tuple[Any, ...]]
    deliveries: list[tuple[Any, ...]]

    def put(self, store: SqlStore) -> None:
        """Write and forget them."""
        self.mentions.sort()
        with store._database.write() as work:
            for statement, rows in zip((_MESSAGE, _CONTENT, _MENTION, _DELIVERY), self, strict=True):
                work.run_many(statement, rows)
        for rows in self:
            rows.clear()


class _Years:
    def __init__(self, store: SqlStore, ring: KeyRing, count: int, now: float) -> None:
        self._store, self._count, self._now = store, count, now
        self._began = now - YEARS
        self._dice = random.Random(7)
        self._vault = Vault.of(ring)
        self._visits = mint(DOMAINS["visit"], os.urandom(26 * (count // _VISITS_EACH + 1)))
        self._terms = [self._lookup(number) for number in range(MRNS)]
        self._effects = _effects()
        self._states = [state.value for state, _ in _SHARES]
        self._weights = [share for _, share in _SHARES]

    def _lookup(self, number: int) -> bytes:
        spelled = spellings(DOMAINS["person"], str(number), ["HOSP"])[0]
        return self._vault.lookups(spelled)[0]

    def messages(self) -> None:
        """All messages with what belongs to them, in the order in which they came."""
        rows = _Rows([], [], [], [])
        for start in track(range(1, self._count + 1, _PIECE), description="messages"):
            some = range(start, min(start + _PIECE, self._count + 1))
            states = self._dice.choices(self._states, self._weights, k=len(some))
            for number, state in zip(some, states, strict=True):
                self._message(number, state, rows)
            rows.put(self._store)

    def _message(self, number: int, state: str, rows: _Rows) -> None:
        at = self._began + YEARS * number / (self._count + 1)
        age = (self._now - at) / DAY_SECONDS
        channel = self._dice.choices(_CHANNELS, (30, 40, 15, 10, 5))[0]
        if age < _DEAD_DAYS and self._dice.random() < _DEAD:
            state = MessageState.DEAD.value
        repeats = max(number - self._dice.randrange(1, 500), 1) if state == "duplicate" else 0
        names = os.urandom(32)
        refused = state == "quarantined" or (state in ("dead", "skipped") and number % 2)
        effects = self._deliver(number, state, channel, at, rows) if not refused else 0
        rows.messages.append((
            number, channel, "ADT^A08" if channel == "adt-encounters" else "DFT^P03", state, at,
            "error" if state == "quarantined" else "accepted",
            int(age < _DEAD_DAYS and state not in ("duplicate", "quarantined")), repeats, 1240, effects,
            names[:16], names[16:], "no effect" if state == "filtered" else "",
            as_json(_UNREADABLE) if refused else None,
        ))  # fmt: skip
        keeps = _DEAD_DAYS if state in ("dead", "quarantined") else _CONTENT_DAYS
        if age < keeps and state != "duplicate":
            raw = message(number)
            bound = bound_of(channel, names[:16], names[16:])
            rows.contents.append((number, *self._store._contents.seal(channel, at, raw, bound)))
            for one in (number % MRNS, *(self._dice.randrange(10**12) for _ in range(3))):
                named = term(self._terms[one]) if one < MRNS else one * 7919
                rows.mentions.append((number // MENTIONS_PART, named, number))

    def _deliver(self, number: int, state: str, channel: str, at: float, rows: _Rows) -> int:
        if state not in ("delivered", "shadowed", "dead", "skipped"):
            return 0
        count = self._dice.choices((1, 2, 5), (60, 25, 15))[0]
        visit = self._visits[max(number // _VISITS_EACH - self._dice.randrange(200), 0)]
        for place in range(1, count + 1):
            id_ = number * PER_MESSAGE + place
            kind = self._dice.choices(list(self._effects), (5, 3, 2))[0]
            effect = self._effects[kind].replace(b"KEY", b"%s/%d-%d" % (channel.encode(), number, place))
            effect = effect.replace(b"VISIT", visit.encode())
            settled = at + self._dice.random() * 5
            dead = state in ("dead", "skipped")
            stands = as_json({kind: str(number + place)}) if state == "delivered" else None
            rows.deliveries.append((
                id_, number, channel, _DESTINATION, visit, effect,
                zlib.crc32(effect, zlib.crc32(f"{id_}\x1f{_DESTINATION}\x1f{visit}".encode())),
                state, at, as_json(_REFUSED) if dead else None, stands, settled,
            ))  # fmt: skip
        return count

    def vault(self, ring: KeyRing) -> None:
        """Tokens of persons and visits."""
        persons = mint(DOMAINS["person"], os.urandom(26 * MRNS))
        rows = [(token, "p", os.urandom(80), self._began) for token in persons]
        rows += [(token, "v", os.urandom(80), self._began) for token in self._visits]
        found = list(zip(self._terms, persons, strict=True))
        found += [(os.urandom(16), token) for token in self._visits]
        _in_pieces(self._store, _TOKEN, sorted(rows))
        _in_pieces(self._store, _LOOKUP, sorted(found))
        KnownAuthorities(ring, self._store).remember({"HOSP", "LAB"})

    def audit(self) -> None:
        """A hundred entries a day, each day signed."""
        first = self._began
        for day in track(range(int(YEARS // DAY_SECONDS)), description="audit"):
            at = first + day * DAY_SECONDS
            entries = [
                Entry(
                    at=at + place * 800, who=f"user{place % 30}", role="user", why="duty",
                    act=self._dice.choice((Act.LOOK, Act.SEARCH, Act.LOGIN, Act.REDELIVER)),
                    object=f"message:{day * 90 + place}",
                )
                for place in range(100)
            ]  # fmt: skip
            with self._store._database.write(TURN) as work:
                append(work, self._store._audit, entries)
            self._store.checkpoint(at + DAY_SECONDS)

    def measures(self) -> None:
        """The history of a busy engine: all series in every minute, hour and day that is kept."""
        every, rows = list(_series()), list[tuple[Any, ...]]()
        for span, count in ((60, 2 * 1440), (3600, 60 * 24), (86400, 2 * 365)):
            last = int(self._now // span)
            rows += [(span, at * span, one, 5.0) for at in range(last - count, last) for one in every]
        _in_pieces(self._store, _MEASURE, rows)

    def alerts(self) -> None:
        """Four a day, all over."""
        rows = []
        for number in range(1, int(4 * YEARS / DAY_SECONDS)):
            channel, at = self._dice.choice(_CHANNELS), self._began + number * DAY_SECONDS / 4
            detail = b'{"subject":"channel:%s","value":9.0,"worst":9.0,"limit":5.0}' % channel.encode()
            cause = f"{Kind.QUEUE_AGE} channel:{channel}"
            rows.append((number, cause, str(Kind.QUEUE_AGE), channel, at, at + 600, at + 600, detail))
        _in_pieces(self._store, _ALERT, rows)


def _effects() -> dict[str, bytes]:
    item = Item("GLV-M", Decimal(2), "Units")
    day = date(2026, 5, 1)
    price = Money(Decimal("12.50"), "USD")
    return {
        "sale.order.line": encode(Charge(key="KEY", encounter="VISIT", item=item, price=price, date=day)),
        "stock.picking": encode(
            Reserve(key="KEY", items=(item,) * 3, destination="WH/Wards/ICU", encounter="VISIT")
        ),
        "res.partner": encode(Encounter(key="KEY", subject="VISIT", kind="inpatient", state="open")),
    }  # fmt: skip


def _series() -> Iterator[str]:
    for channel in _CHANNELS:
        for name in ("wardline_messages_accepted", "wardline_messages_refused", "wardline_faults"):
            yield series(name, channel=channel)
        for result in ("routed", "filtered", "dead"):
            yield series("wardline_messages_routed", channel=channel, result=result)
        for outcome in ("delivered", "refused"):
            yield series("wardline_settled", channel=channel, outcome=outcome)
        for name in ("wardline_acknowledge_seconds", "wardline_end_to_end_seconds"):
            yield series(f"{name}_sum", channel=channel)
            for bound in (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 60.0, 3600.0):
                yield series(f"{name}_bucket", channel=channel, le=repr(bound))
    for outcome in ("delivered", "tryagain", "refused"):
        yield series("wardline_deliveries", destination=_DESTINATION, outcome=outcome, reason="")


def _in_pieces(store: SqlStore, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), 100_000):
        with store._database.write() as work:
            work.run_many(statement, rows[start : start + 100_000])


def fill(url: str, messages: int, *, cabinet: str = "") -> None:
    """Fill an empty store."""
    ring = KeyRing.load({"WARDLINE_KEY": KEY}, Path("unused"))
    store = open_store(url, ring, cabinet)
    assert isinstance(store, SqlStore)
    years = _Years(store, ring, messages, time.time())
    years.messages()
    years.vault(ring)
    years.audit()
    years.measures()
    years.alerts()
    store.close()


def main() -> None:
    """Fill a store at an address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--messages", type=int, default=3_000_000)
    given = parser.parse_args()
    began = time.time()
    fill(given.url, given.messages)
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
