"""A hospital whose messages are really stored and routed, for what is said of numbers that are one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec
from conformance.store_contract import NAMES, RING
from vaults import sealer

from engine.config.loading import load_channel
from engine.effects import Effect
from engine.model import Arrival, MessageState
from engine.privacy.book import TokenBook
from engine.privacy.searching import KnownAuthorities
from engine.privacy.vault import Vault
from engine.program import Program
from engine.programs import Programs
from engine.resources import Moved, ResourceKey, Unit, Write
from engine.routing import RoutingLoop
from engine.searching import Searched, search
from engine.store.base import Store
from engine.store.contracts.views import MessageView, Query
from engine.store.sql import open_store

__all__ = ["ADT", "Hospital", "program"]

CHANNELS = Path(__file__).parents[1] / "channels"


def program(name: str) -> Program:
    return load_channel(CHANNELS / f"{name}.yaml").program


ADT = program("adt-encounters")


class Hospital:
    """One store, its router, and who asks."""

    def __init__(self, url: str, *programs: Program, cabinet: str = "") -> None:
        self.store: Store = open_store(url, RING, cabinet)
        self.programs = {one.channel: one for one in programs or (ADT,)}
        self._count, self._turn = count(1), threading.Lock()
        self.restart()

    @classmethod
    def beside(cls, other: Hospital) -> Hospital:
        """Another router of the same store, for a thread of its own."""
        made = cls.__new__(cls)
        made.store, made.programs, made._count, made._turn = (
            other.store, other.programs, other._count, other._turn,
        )  # fmt: skip
        made.restart()
        return made

    def restart(self) -> None:
        """Another router, that remembers nothing."""
        self._sealer = sealer(self.store.keep_seal_key, self.store.cabinet)
        self.loop = RoutingLoop(
            self.store,
            Programs(self.programs, load=lambda _: self.programs),  # every edition has these
            TokenBook(self.vault, self.store.tokens),
            seal=self._sealer.seal,
            renew=self._renewed,
            name=lambda *scope: scope[-1],
            batch=100,
            clock=lambda: 200.0,
            routed=lambda: None,
            holder="node/0",
            remember=KnownAuthorities(RING, self.store).remember,
        )

    def _renewed(self) -> Vault:
        self._sealer.forget()
        return self.vault

    @property
    def vault(self) -> Vault:
        return Vault.of(RING.following(self.store.uses()))

    def store_only(self, event: str, *segments: str, channel: str = "adt-encounters", sent: int = 0) -> int:
        """A message that waits to be routed; its id."""
        with self._turn:
            number = next(self._count)
        when = f"{datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=number):%Y%m%d%H%M}00"
        head = rf"MSH|^~\&|HIS|GENERAL|||{when}||{event}|{sent or number}|P|2.5.1"
        raw = "\r".join([head, f"EVN||{when}", *segments, ""]).encode()
        name = NAMES.of(channel, b"HIS", b"GENERAL", str(sent or number).encode())
        arrival = Arrival(channel, raw, name, NAMES.digest(raw), 100.0 + number, type=event)
        return self.store.accept([arrival])[0].id

    def say(self, event: str, *segments: str, channel: str = "adt-encounters") -> MessageView:
        """A message, routed."""
        number = self.store_only(event, *segments, channel=channel)
        self.route()
        return self.view(number)

    def write(self, body: dict[str, object], channel: str) -> int:
        """A FHIR resource, routed; its message's id."""
        number = next(self._count)
        key = ResourceKey("R4", str(body["resourceType"]), str(body["id"]))
        raw = f"fhir R4 {key.type}/{key.id}/1 write\n".encode() + msgspec.json.encode(body)
        name = number.to_bytes(16, "big")
        arrival = Arrival(channel, raw, name, name, 100.0 + number)
        (written,) = self.store.write([Unit(f"u{number}", (Write(arrival, key, 1),))])
        assert not isinstance(written, Moved)
        self.route()
        return written.ids[0]

    def route(self) -> None:
        while self.loop.turn() == 0.0:
            pass

    def view(self, number: int) -> MessageView:
        (view,) = self.store.messages(Query(ids=(number,)))
        return view

    def effects(self, number: int) -> list[Effect]:
        return [one.delivery.effect for one in self.store.deliveries(Query(), message_id=number)]

    def token(self, domain: str, value: str, kind: str = "MR", authority: str = "GENERAL") -> str:
        """Whom a number leads to, empty for nobody."""
        text = "\x1f".join((domain, authority, kind if domain == "p" else "", value))
        return next(iter(self.store.tokens(self.vault.lookups(text)).values()), "")

    def person(self, value: str) -> str:
        return self.token("p", value)

    def visit(self, value: str) -> str:
        return self.token("v", value)

    def account(self, value: str) -> str:
        return self.token("a", value)

    def find(self, kind: str, value: str, authorities: Sequence[str] = (), **query: object) -> Searched:
        known = set(authorities) or KnownAuthorities(RING, self.store).names()
        return search(self.store, self.vault, kind, value, known, Query(**query))  # type: ignore[arg-type]

    def found(self, kind: str, value: str, authorities: Sequence[str] = (), **query: object) -> list[int]:
        return [view.id for view in self.find(kind, value, authorities, **query).messages]

    def close(self) -> None:
        self.loop.close()
        self.store.close()


def hospitals(url: str, *programs: Program) -> Iterator[Hospital]:
    made = Hospital(url, *programs)
    yield made
    assert made.store.gaps() == []
    assert not made.store.messages(Query(state=MessageState.RECEIVED))
    made.close()
