"""What every store promises about messages that wait for a code."""

from __future__ import annotations

from typing import Final

from conformance.schedule_contract import taken
from resending import resent

from engine.auditing import Act, AuditQuery, Entry
from engine.model import Arrival, Dead, Filtered, MessageState, Owner, Reason, ReasonCode, Routing
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.parking import Parked
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

NAMES: Final = Fingerprints(KeyRing({"first": b"\x07" * 32}))
UNKNOWN: Final = Reason(
    ReasonCode.UNMAPPED_CODE, "this code is not in the table", "FT1[1]-7", Owner.BUSINESS, 103
)
TOLD: Final = Entry(at=500.0, who="node/0", role="engine", act=Act.REDELIVER, object="edition:2")


def came(store: Store, number: int, at: float, channel: str = "charges") -> int:
    raw = f"MSH|{channel}|{number}".encode()
    name = NAMES.of(channel, b"A", b"B", str(number).encode())
    (receipt,) = store.accept([Arrival(channel, raw, name, NAMES.digest(raw), at, edition=1)])
    return receipt.id


def waits(store: Store, number: int, code: str, *, at: float = 100.0, channel: str = "charges") -> int:
    """A message that is a dead letter for want of a code."""
    message_id = came(store, number, at, channel)
    store.route([Routing(message_id, Dead(UNKNOWN, ("items", code)))], [], 200.0)
    return message_id


class ParkingContract:
    def test_what_waits_is_grouped_by_code_with_count_and_first_and_last(self, store: Store) -> None:
        for number, (code, at) in enumerate([("B", 10.0), ("A", 20.0), ("B", 30.0)]):
            waits(store, number, code, at=at)
        first, second = store.parked()
        assert first == Parked(
            channel="charges",
            table="items",
            code="B",
            place="FT1[1]-7",
            messages=2,
            first_at=10.0,
            last_at=30.0,
        )
        assert (second.code, second.messages) == ("A", 1)

    def test_what_waits_is_routed_again_in_order_by_the_edition_that_has_the_code(self, store: Store) -> None:
        ids = [waits(store, number, code) for number, code in enumerate("ABAC")]
        newer = came(store, 9, 300.0)
        assert store.heal("charges", "items", ["A", "B"], edition=2, told=TOLD) == 3
        again = store.unrouted(["charges"], 0, 10)
        assert [(one.id, one.edition) for one in again] == [(ids[0], 2), (ids[1], 2), (ids[2], 2), (newer, 1)]
        views = store.messages(Query(ids=(ids[0], newer)))
        assert [one.edition for one in views] == [2, 1]
        assert [one.code for one in store.parked()] == ["C"]
        assert store.gaps() == []

    def test_healing_is_of_one_channel_and_one_table(self, store: Store) -> None:
        waits(store, 1, "A")
        assert store.heal("others", "items", ["A"], edition=2, told=TOLD) == 0
        assert store.heal("charges", "places", ["A"], edition=2, told=TOLD) == 0
        assert len(store.parked()) == 1

    def test_healing_is_in_the_audit_with_the_messages_and_nothing_is_said_of_nothing(
        self, store: Store
    ) -> None:
        number = waits(store, 1, "A")
        store.heal("charges", "items", ["Z"], edition=2, told=TOLD)
        assert store.entries(AuditQuery(act=Act.REDELIVER)) == []
        store.heal("charges", "items", ["A"], edition=2, told=TOLD)
        (recorded,) = store.entries(AuditQuery(act=Act.REDELIVER))
        assert recorded.entry.detail["count"] == "1"
        assert str(number) in recorded.entry.detail["redelivered"]

    def test_what_the_edition_itself_could_not_use_is_not_tried_with_it_again(self, store: Store) -> None:
        number = waits(store, 1, "A")
        assert store.heal("charges", "items", ["A"], edition=2, told=TOLD) == 1
        store.route([Routing(number, Dead(UNKNOWN, ("items", "A")))], [], 600.0)  # no row on its day
        assert store.heal("charges", "items", ["A"], edition=2, told=TOLD) == 0
        assert store.heal("charges", "items", ["A"], edition=3, told=TOLD) == 1

    def test_one_that_waits_for_another_code_after_all_shows_that_one(self, store: Store) -> None:
        number = waits(store, 1, "A")
        store.heal("charges", "items", ["A"], edition=2, told=TOLD)
        store.route([Routing(number, Dead(UNKNOWN, ("places", "W")))], [], 600.0)
        assert [(one.table, one.code) for one in store.parked()] == [("places", "W")]

    def test_a_dead_letter_sent_again_by_a_person_waits_for_no_code_any_more(self, store: Store) -> None:
        number = waits(store, 1, "A")
        resent(store, number, now=700.0)
        assert store.parked() == []
        store.route([Routing(number, Filtered("x"))], [], 800.0)
        assert store.heal("charges", "items", ["A"], edition=2, told=TOLD) == 0
        assert store.messages(Query(ids=(number,)))[0].state is MessageState.FILTERED

    def test_a_text_too_long_for_a_code_is_not_listed(self, store: Store) -> None:
        waits(store, 1, "x" * 201)
        assert store.parked() == []

    def test_other_dead_letters_wait_for_no_code(self, store: Store) -> None:
        number = came(store, 1, 100.0)
        store.route([Routing(number, Dead(UNKNOWN))], [], 200.0)
        taken(store, 2)
        assert store.parked() == []
