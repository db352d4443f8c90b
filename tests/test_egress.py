"""What identifies somebody does not leave, however it came into an effect: stopped, told and audited."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance.store_contract import NAMES, RING
from resending import resent
from vaults import sealer

from engine import routing as routing_module
from engine.auditing import Act, AuditQuery
from engine.config.loading import load_channel
from engine.delivery import DeliveryLoop
from engine.destinations.base import Note
from engine.effects import Charge
from engine.egress import Compared, Egress
from engine.errors import Misconfigured
from engine.model import (
    Arrival,
    Dead,
    Delivered,
    Delivery,
    Lane,
    MessageState,
    Outcome,
    Owner,
    Reason,
    ReasonCode,
    Routed,
    Routing,
)
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault
from engine.program import Program
from engine.programs import Programs
from engine.retry import RetryPolicy
from engine.routing import RoutingLoop
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.sql import open_store
from engine.telemetry import REGISTRY

CHANNEL = """
channel: open
description: Codes pass as they are sent, so that a sender can put anything into an effect.
owner: {business: b@hospital.example, technical: t@hospital.example}
source:
  mllp: {listen: "tcp:2599", message_types: [DFT^P03]}
sequence_by: PV1-19
effects:
  - for_each: FT1
    charge:
      key: "{FT1-2}/{FT1-7}"
      encounter: PV1-19
      subject: PID-3
      item: FT1-7
      quantity: FT1-10 | number
      cost_centre: FT1-13.1
      date: FT1-4 | date
destinations:
  - ledger: {path: var/ledger.jsonl}
"""
NOW = 1_795_000_000.0  # 2026-11-18


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "open.yaml").write_text(CHANNEL)
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


def program(folder: Path, more: str = "") -> Program:
    (folder / "open.yaml").write_text(CHANNEL + more)
    return load_channel(folder / "open.yaml").program


def charge(number: int = 1, *, code: str = "270001", ward: str = "ICU", day: str = "20261118") -> Arrival:
    raw = (
        f"MSH|^~\\&|CHARGES|HOSP|||20261118||DFT^P03|C{number}|P|2.5.1\r"
        f"PID|1||00817263^^^HOSP^MR||SAMPLESON^ANNA||19700109|F|||1 Elm Road^^Littleton^^90210\r"
        f"PV1|1|I|ICU||||||||||||||||V{number}4711\r"
        f"FT1|1|T{number}||{day}||CG|{code}|||2|||{ward}\r"
    ).encode()
    name = NAMES.of("open", b"CHARGES", b"HOSP", b"C%d" % number)
    return Arrival("open", raw, name, NAMES.digest(raw), NOW)


def routing(store: Any, compiled: Program, compared: Compared | None = None) -> RoutingLoop:
    vault = Vault(tenant="test", index_keys={"first": b"i" * 32})
    return RoutingLoop(
        store,
        Programs({"open": compiled}),
        TokenBook(vault, store.tokens),
        seal=sealer(store.keep_seal_key).seal,
        renew=lambda: vault,
        name=lambda *scope: scope[-1],
        batch=100,
        clock=lambda: NOW,
        routed=lambda: None,
        holder="node/0",
        compared=compared,
    )


def route_all(store: Store, compiled: Program) -> None:
    loop = routing(store, compiled)
    while loop.turn() == 0.0:
        pass


def incidents(where: str) -> float:
    return REGISTRY.get_sample_value(
        "wardline_privacy_incidents_total", {"channel": "open", "where": where}
    ) or 0.0  # fmt: skip


@pytest.mark.parametrize(
    ("given", "row"),
    [
        ({"code": "817263"}, "PID-3"),
        ({"code": "Sampleson"}, "PID-5"),
        ({"code": "X-ANNA"}, "PID-5"),
        ({"code": "9.1.1970"}, "PID-7"),
        ({"ward": "Littleton"}, "PID-11"),
        ({"ward": "V14711"}, "PV1-19"),
        ({"day": "19700109"}, "PID-7"),
    ],
)
def test_what_identifies_in_a_field_that_passes_is_a_dead_letter(
    store: Store, folder: Path, given: dict[str, str], row: str
) -> None:
    before = incidents("routing")
    store.accept([charge(**given), charge(2)])  # type: ignore[arg-type]
    route_all(store, program(folder))
    bad, good = store.messages(Query())
    assert (bad.state, good.state) == (MessageState.DEAD, MessageState.WAITING)
    assert bad.reason is not None
    assert (bad.reason.code, bad.reason.owner) == (ReasonCode.PRIVACY, Owner.PRIVACY)
    assert bad.reason.place in ("charge.key", "charge.cost_centre", "charge.date")
    assert row in bad.reason.text
    assert [one.delivery.message_id for one in store.deliveries(Query())] == [good.id]
    (entry,) = [one.entry for one in store.entries(AuditQuery(act=Act.INCIDENT))]
    assert entry.object == f"message:{bad.id}"
    assert entry.detail == {"channel": "open", "where": "routing", "place": bad.reason.place, "row": row}
    assert not any(value.lower() in str((entry, bad.reason)).lower() for value in given.values())
    assert incidents("routing") == before + 1
    assert store.gaps() == []


@pytest.mark.parametrize(
    ("code", "identifies"), [("Sampleson", True), ("00817263", True), ("X-ANNA", True), ("270001", False)]
)
def test_a_code_that_no_table_has_is_kept_for_the_worklist_unless_it_says_who_it_is(
    store: Store, folder: Path, code: str, identifies: bool
) -> None:
    (folder / "items.csv").write_text("code,item\n1,GLV-M\n")
    text = CHANNEL.replace("item: FT1-7", "item: FT1-7 | lookup(items, item)")
    (folder / "open.yaml").write_text(text.replace("effects:", "tables: {items: items.csv}\neffects:"))
    store.accept([charge(2, code="270001"), charge(code=code)])
    route_all(store, load_channel(folder / "open.yaml").program)
    (*_, view) = store.messages(Query())
    assert view.state is MessageState.DEAD
    assert view.reason is not None
    assert view.reason.code is ReasonCode.UNMAPPED_CODE
    assert [one.code for one in store.parked()] == ["270001"]
    assert store.parked()[0].messages == (1 if identifies else 2)


def test_known_words_let_it_pass_when_it_is_routed_again(store: Store, folder: Path) -> None:
    store.accept([charge(ward="St Anna")])
    route_all(store, program(folder))
    (view,) = store.messages(Query())
    assert view.state is MessageState.DEAD
    known = """
privacy:
  known_words:
    - {word: St Anna, reason: A ward of ours is called so., reviewer: D. Testdoc}
"""
    assert resent(store, view.id, now=NOW) == [view.id]
    route_all(store, program(folder, known))
    (view,) = store.messages(Query())
    assert view.state is MessageState.WAITING
    assert isinstance(store.deliveries(Query())[0].delivery.effect, Charge)


def test_the_name_of_a_warning_is_nobody_whoever_is_called_so(store: Store, folder: Path) -> None:
    warnings = """
warnings:
  - {name: sampleson-code, for_each: FT1, when: {FT1-6.1: CG}}
"""
    store.accept([charge()])
    route_all(store, program(folder, warnings))
    (view,) = store.messages(Query())
    assert view.state is MessageState.WAITING


def test_a_leak_between_mapping_and_storing_is_stopped(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with the mapping: what it gave is looked at, not how it came about."""
    mapped = routing_module.route

    def leaking(*given: Any, **more: Any) -> list[Routing]:
        return [_with_key(one, "open/" + "ANNA SAMPLESON") for one in mapped(*given, **more)]

    monkeypatch.setattr(routing_module, "route", leaking)
    store.accept([charge()])
    route_all(store, program(folder))
    (view,) = store.messages(Query())
    assert view.reason is not None
    assert (view.reason.code, view.reason.place) == (ReasonCode.PRIVACY, "charge.key")


def _with_key(routed: Routing, key: str) -> Routing:
    assert isinstance(routed.result, Routed)
    effects = tuple(msgspec.structs.replace(one, key=key) for one in routed.result.effects)
    return msgspec.structs.replace(routed, result=msgspec.structs.replace(routed.result, effects=effects))


@pytest.mark.parametrize("text", ["cannot read ANNA SAMPLESON", "bad number 00817263", "born 1970-01-09"])
def test_a_reason_that_says_who_it_is_is_stopped(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    mapped = routing_module.route

    def leaking(*given: Any, **more: Any) -> list[Routing]:
        dead = Dead(Reason(ReasonCode.INTERNAL, text))
        return [msgspec.structs.replace(one, result=dead) for one in mapped(*given, **more)]

    monkeypatch.setattr(routing_module, "route", leaking)
    store.accept([charge()])
    route_all(store, program(folder))
    (view,) = store.messages(Query())
    assert view.reason is not None
    assert (view.reason.code, view.reason.place) == (ReasonCode.PRIVACY, "reason")
    assert "ANNA" not in str(view)


class Desk:
    """A destination that takes everything, and remembers."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        self.taken += deliveries
        return [Delivered() for _ in deliveries]

    def close(self) -> None:
        return None


def deliver(store: Store, compiled: Program, spoil: Callable[[Delivery], Delivery] | None = None) -> Desk:
    desk = Desk()
    loop = DeliveryLoop(
        store,
        "ledger:var/ledger.jsonl",
        desk,
        Lane.NORMAL,
        egress=Egress(Programs({"open": compiled}), store, "node/0", lambda: NOW),
        holder="node/0",
        retry=RetryPolicy(),
        batch=10,
        clock=lambda: NOW,
        dice=lambda: 1.0,
        settled=lambda _: None,
    )
    if spoil is not None:
        loop._survivors = lambda batch: [spoil(one) for one in batch]  # type: ignore[method-assign]
    loop.turn()
    return desk


def test_a_delivery_that_would_let_it_out_is_refused_and_the_rest_goes_on(store: Store, folder: Path) -> None:
    compiled = program(folder)
    store.accept([charge(1), charge(2)])
    route_all(store, compiled)
    bad, good = (view.id for view in store.messages(Query()))

    def spoil(delivery: Delivery) -> Delivery:
        if delivery.message_id != bad:
            return delivery
        effect = msgspec.structs.replace(delivery.effect, cost_centre="Anna Sampleson")  # type: ignore[call-arg]
        return msgspec.structs.replace(delivery, effect=effect)

    before = incidents("delivery")
    desk = deliver(store, compiled, spoil)
    assert [one.message_id for one in desk.taken] == [good]
    view, other = store.messages(Query())
    assert (view.state, other.state) == (MessageState.DEAD, MessageState.DELIVERED)
    (refused,) = store.deliveries(Query(), message_id=bad)
    assert refused.reason is not None
    assert (refused.reason.code, refused.reason.place) == (ReasonCode.PRIVACY, "charge.cost_centre")
    (entry,) = [one.entry for one in store.entries(AuditQuery(act=Act.INCIDENT))]
    assert (entry.object, entry.detail["where"]) == (f"message:{bad}", "delivery")
    assert incidents("delivery") == before + 1


def test_deliveries_whose_message_is_gone_leave(store: Store, folder: Path) -> None:
    """They were compared when they were made."""
    compiled = program(folder)
    store.accept([charge(1)])
    route_all(store, compiled)
    with sqlite3.connect(folder / "wardline.db") as database:
        database.execute("DELETE FROM contents")
    assert len(deliver(store, compiled).taken) == 1


def test_what_was_compared_when_it_was_made_is_not_read_again(store: Store, folder: Path) -> None:
    compiled, compared = program(folder), Compared()
    store.accept([charge(1)])
    loop = routing(store, compiled, compared)
    loop.turn()
    (due,) = store.deliveries(Query())
    with sqlite3.connect(folder / "wardline.db") as database:
        database.execute("DELETE FROM contents")
    egress = Egress(Programs({"open": compiled}), store, "node/0", lambda: NOW, compared)
    (claimed,) = store.claim(
        due.delivery.destination, Lane.NORMAL, 1, now=NOW, lease_until=NOW + 1, holder="node/0"
    )
    assert compared.covers(claimed.message_id, {"270001", "ICU"})
    assert egress.deliveries([claimed]) == {}
    assert not compared.covers(claimed.message_id, {"270001", "Anna"})
    assert not compared.covers(claimed.message_id + 1, {"270001"})


def test_what_cannot_be_compared_does_not_leave_and_stops_no_other(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = program(folder)
    store.accept([charge(1), charge(2)])
    route_all(store, compiled)
    bad, good = (view.id for view in store.messages(Query()))
    content = store.content
    monkeypatch.setattr(store, "content", lambda number: content(number) if number == good else 1 / 0)
    desk = deliver(store, compiled)
    assert [one.message_id for one in desk.taken] == [good]
    (refused,) = store.deliveries(Query(), message_id=bad)
    assert refused.reason is not None
    assert refused.reason.text == "identifies somebody (could not be compared: ZeroDivisionError)"


def test_what_waits_for_a_key_of_the_ring_is_no_incident(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = program(folder)
    store.accept([charge(1)])
    route_all(store, compiled)

    def lacks(_: int) -> bytes:
        raise Misconfigured("the ring lacks that key")

    with monkeypatch.context() as patch:
        patch.setattr(store, "content", lacks)
        with pytest.raises(Misconfigured):
            deliver(store, compiled)
    assert store.entries(AuditQuery(act=Act.INCIDENT)) == []
    assert store.reclaim(NOW, "node/0") == 1  # as when it is started again
    assert deliver(store, compiled).taken
