"""Odoo as a destination: a batch of effects in, each driven to its final state exactly once.

A batch goes through in phases (contacts, master records, reservations, consumption, charges, credits,
procurement), company by company, and within a phase in waves: two effects about the same thing never share
one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine import effects
from engine.destinations.base import Note
from engine.destinations.odoo import charges, consumption, merges, releases, unmerges
from engine.destinations.odoo.catalogue import Catalogue
from engine.destinations.odoo.client import OdooClient, Step
from engine.destinations.odoo.connecting import connect
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.credits import credits_of
from engine.destinations.odoo.encounters import encounter
from engine.destinations.odoo.faults import KeyRefused, ServerError, refusal
from engine.destinations.odoo.master_lots import lot
from engine.destinations.odoo.offers import offer
from engine.destinations.odoo.prices import price
from engine.destinations.odoo.procurement import procure
from engine.destinations.odoo.products import product
from engine.destinations.odoo.reservations import reserve
from engine.destinations.odoo.stocking import stocking
from engine.destinations.odoo.work import Row, Site, open_rows, waves
from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.model import Delivery, Outcome, ReasonCode, TryAgain
from engine.telemetry import OdooKeyRefused, signal

__all__ = ["OdooDestination"]

Kind = type[effects.EffectBase]
Collide = Callable[[Row[Any], Row[Any]], bool]
Carry = Callable[[Site, Sequence[Row[Any]]], None]


def _same(*words: str) -> Collide:
    """Two effects that say the same under these words are about the same thing."""

    def collide(a: Row[Any], b: Row[Any]) -> bool:
        return all(getattr(a.effect, word) == getattr(b.effect, word) for word in words)

    return collide


PHASES: tuple[tuple[dict[Kind, Carry], Collide], ...] = (
    (
        {effects.Encounter: encounter, effects.Merge: merges.merge, effects.Unmerge: unmerges.unmerge},
        merges.collide,
    ),
    ({effects.Product: product}, _same("code")),
    ({effects.Offer: offer}, _same("code")),
    ({effects.Price: price}, _same("code")),
    ({effects.Stocking: stocking}, _same("code", "location")),
    ({effects.Lot: lot}, _same("code", "lot")),
    ({effects.Release: releases.release, effects.Reserve: reserve}, releases.collide),
    ({effects.Consume: consumption.consume}, consumption.collide),
    ({effects.Charge: charges.charge}, charges.collide),
    ({effects.Credit: credits_of}, charges.collide),
    ({effects.Procure: procure}, _same("key")),
)


class OdooDestination:
    """See `engine.destinations.base.Destination`. Safe to share between delivery threads: each has
    its own connection, which `connect` makes. `step` is told before and after every call (fault points of
    tests)."""

    def __init__(
        self,
        connection: OdooConnection,
        *,
        step: Step = lambda _: None,
        connect: Callable[[OdooConnection, Step], OdooClient] = connect,
    ) -> None:
        self._connection = connection
        self._connect = connect
        self._step = step
        self._local = threading.local()
        self._clients: list[OdooClient] = []

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        """Outcomes in the order of the deliveries; see `Destination.deliver`."""
        rows: list[Row[Any]] = [Row(delivery, delivery.effect) for delivery in deliveries]
        for row in rows:
            if _has_control_characters(row.effect):
                row.fail(refusal(ReasonCode.BAD_VALUE, "a name or code holds control characters"))
        try:
            self._carry(open_rows(rows), note)
        except Unavailable as error:
            if isinstance(error, KeyRefused):
                signal(OdooKeyRefused(self._connection.name, f"{self._connection.variable}_KEY"))
            for row in open_rows(rows):
                row.fail(error)
        outcomes = [row.outcome for row in rows if row.outcome is not None]
        if any(isinstance(outcome, TryAgain) for outcome in outcomes):
            self._forget()
        return outcomes

    def _forget(self) -> None:
        """Connect anew the next time: Odoo may be restarted, upgraded, or another one by then."""
        opened = self._local.__dict__.pop("opened", None)
        if opened:
            self._clients.remove(opened[0])
            opened[0].close()

    def close(self) -> None:
        """Close the connections of all threads."""
        for client in self._clients:
            client.close()

    def _carry(self, rows: Sequence[Row[Any]], note: Note) -> None:
        groups = self._by_company(rows, note)
        for kinds, collide in PHASES:
            for site, mine in groups:
                _phase(site, [row for row in open_rows(mine) if type(row.effect) in kinds], kinds, collide)

    def _by_company(self, rows: Sequence[Row[Any]], note: Note) -> list[tuple[Site, list[Row[Any]]]]:
        """The rows of each company with its site; what they name is looked up in one go."""
        client, catalogue = self._connected()
        named: dict[str, list[Row[Any]]] = {}
        for row in rows:
            named.setdefault(row.effect.company or self._connection.company, []).append(row)
        groups: list[tuple[Site, list[Row[Any]]]] = []
        for name, mine in named.items():
            try:
                company = catalogue.company(name)
                catalogue.prepare(company, _codes(mine), _places(mine, self._connection))
            except (Unacceptable, ServerError) as error:
                for row in mine:
                    row.fail(error)
                continue
            groups.append((Site(client, catalogue, self._connection, company, note), mine))
        return groups

    def _connected(self) -> tuple[OdooClient, Catalogue]:
        if not hasattr(self._local, "opened"):
            try:
                client = self._connect(self._connection, self._step)
            except Misconfigured as error:
                raise Unavailable(str(error)) from error
            self._clients.append(client)
            self._local.opened = client, Catalogue(client, self._connection.user)
        opened: tuple[OdooClient, Catalogue] = self._local.opened
        return opened


def _phase(site: Site, rows: Sequence[Row[Any]], kinds: dict[Kind, Carry], collide: Collide) -> None:
    """Carry out rows of one phase and company, wave by wave, kind by kind."""
    for wave in waves(rows, collide):
        for kind, carry in kinds.items():
            some = [row for row in wave if type(row.effect) is kind]
            if some:
                _attempt(site, some, carry)


def _attempt(site: Site, rows: Sequence[Row[Any]], carry: Carry) -> None:
    """Carry out rows; when a step fails for one of them, find it by halving: every saga may be
    begun again, and the others must not wait for the one."""
    try:
        carry(site, rows)
    except (Unacceptable, ServerError) as error:
        if len(rows) == 1:
            rows[0].fail(error)
            return
        rest = open_rows(rows)
        half = max(len(rest) // 2, 1)
        for some in filter(None, (rest[:half], rest[half:])):
            _attempt(site, some, carry)


def _has_control_characters(effect: effects.Effect) -> bool:
    """What no name or code holds, and PostgreSQL partly cannot (spec: threats, section 3.6)."""
    return bool(_CONTROL.search(effects.encode(effect)))


_CONTROL = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:u00[01][0-9a-fA-F]|[bfnrt])|\x7f")


def _codes(rows: Iterable[Row[Any]]) -> set[str]:
    """All item codes the effects name."""
    codes: set[str] = set()
    for row in rows:
        codes.update({getattr(row.effect, "code", "")} - {""})
        single = getattr(row.effect, "item", None)
        codes.update(item.code for item in getattr(row.effect, "items", ()))
        codes.update([single.code] if single else [])
    return codes


def _places(rows: Iterable[Row[Any]], connection: OdooConnection) -> set[str]:
    """All stock locations the effects name."""
    places = {connection.source_location, connection.consumption_location}
    for row in rows:
        if not isinstance(row.effect, effects.Encounter):
            places.update(getattr(row.effect, field, "") for field in ("source", "destination", "location"))
    return places - {""}
