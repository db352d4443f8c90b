"""The routing loop over a real store: courses are stored with what came of them, exactly once."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance.store_contract import NAMES, RING
from vaults import sealer

from engine import routing as routing_module
from engine.auditing import Act, AuditQuery, Entry
from engine.config.loading import load_channel
from engine.effects import Encounter
from engine.errors import Misconfigured, Unavailable
from engine.model import Arrival, CourseRow, Routing
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault
from engine.program import Program
from engine.programs import Programs
from engine.routing import RoutingLoop
from engine.store.base import MessageStore
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.tokens import Erasure, NewToken

ADT = load_channel(Path(__file__).parents[1] / "channels/adt-encounters.yaml").program
EVENTS = ("A01", "A02", "A08", "A03", "A13")
WARDS = ("IMC", "3A", "ED", "3A", "ISO")


def message(number: int, event: str, ward: str) -> Arrival:
    raw = (
        f"MSH|^~\\&|HIS|GENERAL|||2026112108{number:02}00||ADT^{event}|{number}|P|2.5.1\r"
        f"EVN||2026112108{number:02}00\r"
        "PID|1||50001^^^GENERAL^MR\r"
        f"PV1|1|I|{ward}||||||||||||||||V-1\r"
    ).encode()
    name = NAMES.of("adt-encounters", b"HIS", b"GENERAL", str(number).encode())
    return Arrival("adt-encounters", raw, name, NAMES.digest(raw), 100.0 + number)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MessageStore]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


def loop(store: Any, batch: int = 100, programs: dict[str, Program] | None = None) -> RoutingLoop:
    vault = Vault(tenant="test", index_keys={"first": b"i" * 32})
    return RoutingLoop(
        store,
        Programs(programs or {"adt-encounters": ADT}),
        TokenBook(vault, store.tokens),
        seal=sealer(store.keep_seal_key).seal,
        renew=lambda: vault,
        name=lambda *scope: scope[-1],
        batch=batch,
        clock=lambda: 200.0,
        routed=lambda: None,
        holder="node/0",
    )


def route_all(store: MessageStore, routing: RoutingLoop) -> list[str]:
    while routing.turn() == 0.0:
        pass
    return [f"{view.state.value} {view.step}".strip() for view in store.messages(Query())]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_what_came_of_a_visit_does_not_depend_on_the_batches(store: MessageStore, batch: int) -> None:
    store.accept([message(n, event, ward) for n, (event, ward) in enumerate(zip(EVENTS, WARDS, strict=True))])
    assert route_all(store, loop(store, batch)) == [
        "waiting", "waiting", "filtered nothing-new", "waiting", "waiting",
    ]  # fmt: skip
    assert len(store.deliveries(Query())) == 2 + 2 + 1 + 2


def test_a_sender_whose_clock_is_ahead_is_told_of(store: MessageStore) -> None:
    """`message` is of 2026-11-21, received in 1970."""
    store.accept([message(0, "A01", "ICU")])
    route_all(store, loop(store))
    (view,) = store.messages(Query())
    assert [(one.place, "in the future" in one.text) for one in view.warnings] == [("MSH-7", True)]


class Overtaken:
    """A store on which another router is quicker: before the first writing of a course, it routes the
    last message itself."""

    def __init__(self, store: MessageStore, other: RoutingLoop) -> None:
        self._store, self._other, self.overtaken = store, other, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def route(
        self,
        routings: Sequence[Routing],
        minted: Sequence[NewToken],
        now: float,
        courses: Sequence[CourseRow] = (),
        *,
        turn: int = -1,
    ) -> None:
        if courses and not self.overtaken:
            self.overtaken = 1
            self._store.accept([message(9, "A02", "ED")])
            while self._other.turn() == 0.0:
                pass
        self._store.route(routings, minted, now, courses, turn=turn)


def test_a_course_that_another_router_wrote_first_is_read_again(store: MessageStore) -> None:
    store.accept([message(0, "A01", "IMC")])
    overtaken = Overtaken(store, loop(store))
    states = route_all(store, loop(overtaken))
    assert overtaken.overtaken == 1
    assert states == ["waiting", "waiting"]  # both were routed, the first by the quicker one too: once
    encounters = [
        view.delivery.effect for view in store.deliveries(Query()) if view.delivery.effect.key[:3] == "t1v"
    ]
    assert [one.location for one in encounters] == ["WH/Wards/ICU", "WH/Wards/ED"]  # type: ignore[union-attr]
    assert store.gaps() == []


def test_a_damaged_course_waits_for_a_person_and_no_other_visit_does(
    store: MessageStore, tmp_path: Path
) -> None:
    store.accept([message(0, "A01", "ICU")])
    route_all(store, loop(store))
    with sqlite3.connect(tmp_path / "wardline.db") as database:
        database.execute("UPDATE courses SET body = replace(CAST(body AS TEXT), 'ICU', 'ICX')")
    store.accept([message(1, "A03", "ICU")])
    assert route_all(store, loop(store))[1] == "dead"


class Stumbling:
    """A store that cannot write the first message that has later pieces."""

    def __init__(self, store: MessageStore) -> None:
        self._store, self.stumbled = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def route(self, routings: Sequence[Routing], *rest: Any, **given: Any) -> None:
        if not self.stumbled and any(routing.rest for routing in routings):
            self.stumbled = 1
            raise Unavailable("not now")
        self._store.route(routings, *rest, **given)


def test_a_message_in_pieces_that_could_not_be_routed_is_routed_later(store: MessageStore) -> None:
    whole = message(1, "A01", "IMC")
    head, _, body = whole.raw.partition(b"\r")
    cut = body.index(b"PV1") + 5
    parts = [head + b"\r" + body[:cut] + b"\rADD\rDSC|W\r", head + b"||W\rADD|" + body[cut:]]
    store.accept([msgspec.structs.replace(whole, raw=raw, digest=NAMES.digest(raw)) for raw in parts])
    routing = loop(Stumbling(store))
    with pytest.raises(Unavailable):
        routing.turn()
    assert [view.state for view in store.messages(Query())] == ["fragment", "fragment"]
    assert route_all(store, routing) == ["waiting", "joined"]
    assert store.gaps() == []


def feed(channel: str, number: int, event: str, visit: str, ward: str = "IMC", gone: str = "") -> Arrival:
    """What one of two systems says that number visits alike."""
    raw = (
        f"MSH|^~\\&|HIS|GENERAL|||2026112108{number:02}00||ADT^{event}|{number}|P|2.5.1\r"
        f"EVN||2026112108{number:02}00\rPID|1||50001^^^GENERAL^MR\r"
        + (f"MRG|50001^^^GENERAL^MR||||{gone}\r" if gone else "")
        + f"PV1|1|I|{ward}||||||||||||||||{visit}\r"
    ).encode()
    name = NAMES.of(channel, b"HIS", b"GENERAL", str(number).encode())
    return Arrival(channel, raw, name, NAMES.digest(raw), 100.0 + number)


@pytest.mark.parametrize("routers", [1, 2], ids=["one router", "a router each"])
def test_a_visit_that_another_channel_merged_goes_on_under_the_number_that_stays(
    store: MessageStore, routers: int
) -> None:
    """The number that is gone was read before the merge was known: in its batch, or by who had read it."""
    programs = {name: msgspec.structs.replace(ADT, channel=name) for name in ("adt-a", "adt-b")}
    first = loop(store, programs=programs if routers == 1 else {"adt-a": programs["adt-a"]})
    second = first if routers == 1 else loop(store, programs={"adt-b": programs["adt-b"]})
    store.accept([feed("adt-a", 1, "A01", "V-1"), feed("adt-a", 2, "A01", "V-2")])
    route_all(store, first)
    later = [feed("adt-b", 3, "A42", "V-2", gone="V-1"), feed("adt-a", 4, "A02", "V-1", "3A")]
    for one, router in zip(later, (second, first), strict=True):
        store.accept([one])
        if routers == 2:
            route_all(store, router)
    assert route_all(store, first) == ["waiting"] * 4
    _, stays, moved = (
        effect for view in store.deliveries(Query()) if isinstance(effect := view.delivery.effect, Encounter)
    )
    assert (moved.key, moved.location) == (stays.key, "WH/Wards/3A")
    assert store.gaps() == []


def merging_corrections(folder: Path) -> Program:
    """The shipped channel, where A08 merges persons too and what comes late is for a person to look at."""
    shipped = Path(__file__).parents[1] / "channels"
    text = (shipped / "adt-encounters.yaml").read_text()
    shutil.copytree(shipped / "tables", folder / "tables")
    file = folder / "adt-encounters.yaml"
    file.write_text(
        text.replace("  of: encounter\n", "  of: encounter\n  late: dead\n").replace(
            "[A18, A30,", "[A08, A30,"
        )
    )
    return load_channel(file).program


@pytest.mark.parametrize("batch", [1, 100])
def test_a_merge_whose_message_came_too_late_answers_for_nobody(
    store: MessageStore, tmp_path: Path, batch: int
) -> None:
    """Also for those that came in its batch, and had been mapped when it was found to be too late."""
    program = merging_corrections(tmp_path)
    said = [("A01", "50001", ""), ("A08", "50001", "50002"), ("A01", "50002", ""), ("A01", "50001", "")]
    arrivals = []
    for number, (event, person, gone) in enumerate(said):
        raw = (
            f"MSH|^~\\&|HIS|GENERAL|||20261121080{9 - number}||ADT^{event}|{number}|P|2.5.1\r"
            f"EVN||20261121080{9 - number}\rPID|1||{person}^^^GENERAL^MR\r"
            + (f"MRG|{gone}^^^GENERAL^MR\r" if gone else "")
            + f"PV1|1|I|IMC||||||||||||||||V-{max(number, 1)}\r"
        ).encode()
        name = NAMES.of("adt-encounters", b"HIS", b"GENERAL", str(number).encode())
        arrivals.append(Arrival("adt-encounters", raw, name, NAMES.digest(raw), 100.0 + number))
    store.accept(arrivals)
    states = route_all(store, loop(store, batch, {"adt-encounters": program}))
    assert states == ["waiting", "dead", "waiting", "waiting"]
    first, second, third = (
        effect for view in store.deliveries(Query()) if isinstance(effect := view.delivery.effect, Encounter)
    )
    assert first.subject == third.subject != second.subject


def test_a_message_that_meets_a_bug_in_the_replay_stops_no_other(
    store: MessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = routing_module.replayed

    def fails(routed: Sequence[tuple[Program, Routing]], *rest: Any) -> Any:
        if any(routing.message_id == 2 for _, routing in routed):
            raise KeyError("SECRET-NUMBER")
        return whole(routed, *rest)

    monkeypatch.setattr(routing_module, "replayed", fails)
    store.accept([message(n, event, ward) for n, (event, ward) in enumerate(zip(EVENTS, WARDS, strict=True))])
    states = route_all(store, loop(store))
    assert states == ["waiting", "dead", "filtered nothing-new", "waiting", "waiting"]
    (dead,) = store.messages(Query(state="dead"))
    assert dead.reason is not None
    assert (dead.reason.code, dead.reason.text) == ("internal", "the mapping failed with KeyError")
    assert store.gaps() == []


class Turning:
    """Routers of a store with its cabinet; each begins as a process that has just started."""

    def __init__(self, store: Any) -> None:
        self.store, self.renewed = store, list[int]()

    def router(self) -> RoutingLoop:
        seals = sealer(self.store.keep_seal_key, self.store.cabinet)

        def vault() -> Vault:
            seals.forget()
            self.renewed.append(self.store.uses()["vault-index"].turn)
            return Vault.of(RING.following(self.store.uses()))

        return RoutingLoop(
            self.store,
            Programs({"adt-encounters": ADT}),
            TokenBook(vault(), self.store.tokens),
            seal=seals.seal,
            renew=vault,
            name=lambda *scope: scope[-1],
            batch=100,
            clock=lambda: 200.0,
            routed=lambda: None,
            holder="node/0",
        )

    def persons(self) -> list[str]:
        return [key.id for key in self.store.cabinet.keys("subject")]

    def erase(self, *, whole: bool) -> None:
        """Erase the only person there is; not `whole`: die between the cabinet and the store."""
        (person,) = self.persons()
        erasure, planned = Erasure(person, 9.0, "asked", "T-1", "me"), self.store.erasable(person)
        if whole:
            entry = Entry(at=9.0, who="me", role="operator", act=Act.ERASE, object=person)
            self.store.erase(erasure, planned, entry)
        else:
            self.store.cabinet.erase(erasure, planned)


@pytest.fixture
def turning(store: MessageStore) -> Turning:
    made = Turning(store)
    store.accept([message(0, "A01", "ICU")])
    route_all(store, made.router())
    return made


def new_visit(number: int) -> Arrival:
    one = message(number, "A01", "3A")
    return msgspec.structs.replace(one, raw=one.raw.replace(b"V-1", b"V-2"))


def test_a_router_that_knew_a_person_from_before_gives_a_newcomers_token(turning: Turning) -> None:
    store, (before,) = turning.store, turning.persons()
    router = turning.router()
    store.accept([message(1, "A02", "3A")])
    route_all(store, router)  # it knows the person now
    turning.erase(whole=True)
    store.accept([new_visit(2)])
    assert route_all(store, router)[-1] == "waiting"
    assert turning.renewed[-1] == 1
    (after,) = turning.persons()
    assert after != before
    assert {row.erased_at for row in store.token_rows([before, after]).values()} == {9.0, 0.0}
    assert store.gaps() == []


def test_an_erasure_that_died_half_way_stops_nobody_for_long(turning: Turning) -> None:
    store, (before,) = turning.store, turning.persons()
    router = turning.router()
    turning.erase(whole=False)
    store.accept([new_visit(1)])
    with pytest.raises(Unavailable):  # it may be under way
        router.turn()
    assert route_all(store, router)[-1] == "waiting"
    (after,) = turning.persons()
    assert after != before
    assert store.token_rows([before])[before].sealed is None
    assert [one.token for one in store.erasures()] == [before]
    assert store.gaps() == []


def test_an_erasure_that_ends_meanwhile_is_not_carried_out_twice(turning: Turning) -> None:
    store = turning.store
    router = turning.router()
    (person,) = turning.persons()
    planned = store.erasable(person)
    turning.erase(whole=False)
    store.accept([new_visit(1)])
    with pytest.raises(Unavailable):
        router.turn()
    entry = Entry(at=9.0, who="me", role="operator", act=Act.ERASE, object=person)
    store.erase(Erasure(person, 9.0, "asked", "T-1", "me"), planned, entry)
    assert route_all(store, router)[-1] == "waiting"
    assert [one.entry.who for one in store.entries(AuditQuery(act="erase"))] == ["me"]
    assert store.gaps() == []


def test_what_waits_for_a_key_of_the_ring_is_no_dead_letter(turning: Turning) -> None:
    store = turning.store
    router = turning.router()
    young = KeyRing({"second": b"x" * 32, "first": b"\x07" * 32})
    other = open_store(f"sqlite:///{store._database.path}", young)  # a process that has a newer key already
    other.cabinet.rewrap()
    store.accept([new_visit(1)])
    with pytest.raises(Misconfigured, match="second"):
        router.turn()
    assert [view.state.value for view in store.messages(Query())][-1] == "received"
    other.close()
    with_it = open_store(f"sqlite:///{store._database.path}", young)
    assert route_all(with_it, Turning(with_it).router())[-1] == "waiting"
    with_it.close()
