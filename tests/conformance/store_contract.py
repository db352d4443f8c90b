"""What every message store promises, as tests: a subclass gives a fixture `store`."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import msgspec
import pytest
from conformance.accounts_contract import AccountsContract
from conformance.alert_contract import AlertContract
from conformance.answers_contract import AnswersContract
from conformance.audit_contract import AuditContract
from conformance.check_contract import CheckContract
from conformance.course_contract import CourseContract
from conformance.edition_contract import EditionContract
from conformance.figure_contract import FigureContract
from conformance.fix_contract import FixContract
from conformance.hold_contract import HoldContract
from conformance.measure_contract import MeasureContract
from conformance.mention_contract import MentionContract
from conformance.overview_contract import OverviewContract
from conformance.parking_contract import ParkingContract
from conformance.purge_contract import PurgeContract, purge
from conformance.resource_contract import ResourceContract
from conformance.schedule_contract import ScheduleContract
from conformance.shadow_contract import ShadowContract
from conformance.taking_contract import TakingContract
from conformance.unmerge_contract import UnmergeContract
from conformance.vault_contract import VaultContract
from resending import resent

from engine.auditing import Act, Entry
from engine.effects import Charge, Effect, Item
from engine.errors import Unacceptable
from engine.model import (
    Answered,
    Arrival,
    Dead,
    Delivered,
    Delivery,
    DeliveryState,
    Filtered,
    Fragment,
    HeldFragment,
    Lane,
    MessageState,
    Outcome,
    Owner,
    Reason,
    ReasonCode,
    Receipt,
    Refused,
    Routed,
    Routing,
    Settlement,
    TryAgain,
)
from engine.store.base import AT_ONCE, MessageStore, Store, TokensTaken
from engine.store.cipher import Fingerprints
from engine.store.contracts.fixing import Letters
from engine.store.contracts.views import AccountRow, Query
from engine.store.keys import KeyRing
from engine.tokens import Lookup, NewToken, TokenMerge

RING = KeyRing({"first": b"\x07" * 32})
NAMES = Fingerprints(RING)
CONFLICT = Reason(ReasonCode.CONFLICT, "the order is invoiced", owner=Owner.BUSINESS)
DOWN = Reason(ReasonCode.INTERNAL, "not now")
TOLD = Entry(at=400.0, who="ann", role="user", act=Act.REDELIVER, object="messages")


def arrival(
    number: object,
    text: str = "",
    *,
    channel: str = "charges",
    answered: Answered = "accepted",
    reason: Reason | None = None,
    at: float = 100.0,
) -> Arrival:
    """A message with this control id; `text` makes its bytes differ."""
    raw = f"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|{number}|P|2.5\r{text}".encode()
    name = NAMES.of(channel, b"LAB", b"HOSP", str(number).encode())
    return Arrival(channel, raw, name, NAMES.digest(raw), at, answered, reason, "DFT^P03")


def charge(key: object) -> Charge:
    return Charge(key=str(key), encounter="t1v_x", item=Item("GLOVE", Decimal("1.50")))


def token(number: int, text: str = "") -> NewToken:
    return NewToken(
        token=text or f"t1p_{number}",
        domain="p",
        lookups=(Lookup(number.to_bytes(16, "big"), "first"),),
        key_id="seal",
        sealed=b"sealed",
    )


def lookup(number: int) -> bytes:
    return token(number).lookups[0].lookup


def accept(store: MessageStore, *numbers: object, channel: str = "charges") -> list[int]:
    return [one.id for one in store.accept([arrival(number, channel=channel) for number in numbers])]


def route(
    store: MessageStore,
    message_id: int,
    key: str = "",
    *,
    effects: int = 1,
    lane: Lane = Lane.NORMAL,
    to: tuple[str, ...] = ("odoo",),
    answered: Answered = "accepted",
) -> None:
    made: tuple[Effect, ...] = tuple(charge(f"{message_id}/{number}") for number in range(effects))
    store.route([Routing(message_id, Routed(made, key), lane, to, answered)], [], 200.0)


def claim(
    store: MessageStore,
    limit: int = 100,
    *,
    lane: Lane = Lane.NORMAL,
    to: str = "odoo",
    now: float = 300.0,
    lease: float = 60.0,
    holder: str = "me",
) -> list[Delivery]:
    return store.claim(to, lane, limit, now=now, lease_until=now + lease, holder=holder)


def settle(
    store: MessageStore,
    deliveries: Iterable[Delivery],
    outcome: Outcome | None = None,
    *,
    retry_at: float = 0.0,
    holder: str = "me",
    now: float = 310.0,
) -> list[int]:
    outcome = Delivered({"sale.order.line": "42"}) if outcome is None else outcome
    return store.settle([Settlement(one.id, outcome, retry_at) for one in deliveries], now=now, holder=holder)


def ids(deliveries: Iterable[Delivery]) -> list[int]:
    return [one.message_id for one in deliveries]


def state(store: MessageStore, message_id: int) -> MessageState:
    (view,) = store.messages(Query(ids=(message_id,)))
    return view.state


class AcceptContract:
    def test_says_what_each_arrival_is_and_keeps_its_bytes(self, store: MessageStore) -> None:
        receipts = store.accept([arrival(1), arrival(2)])
        assert receipts == [Receipt(1), Receipt(2)]
        assert [one.raw for one in store.unrouted(["charges"], 0, 10)] == [arrival(1).raw, arrival(2).raw]
        assert store.content(2) == arrival(2).raw
        (view, _) = store.messages(Query())
        assert (view.channel, view.type, view.state, view.bytes) == (
            "charges",
            "DFT^P03",
            MessageState.RECEIVED,
            len(arrival(1).raw),
        )
        assert view.received_at == 100.0
        assert store.gaps() == []

    def test_of_nothing_is_nothing(self, store: MessageStore) -> None:
        assert store.accept([]) == []

    def test_takes_every_byte_and_more_messages_than_one_statement_holds(self, store: MessageStore) -> None:
        odd = [
            Arrival(
                "charges", bytes(range(256)) * 300, NAMES.of("charges", b"", b"", b"odd"), b"d" * 16, 1.0
            ),
            Arrival("charges", b"", NAMES.of("charges", b"", b"", b"empty"), b"e" * 16, 1.0),
        ]
        receipts = store.accept([*odd, *(arrival(number) for number in range(700))])
        assert [one.id for one in receipts] == list(range(1, 703))
        assert [store.content(1), store.content(2)] == [odd[0].raw, odd[1].raw]
        assert len(store.unrouted(["charges"], 0, 1000)) == 702

    def test_a48_the_same_message_again_is_a_duplicate_answered_the_same(self, store: MessageStore) -> None:
        store.accept([arrival(1)])
        assert store.accept([arrival(1)]) == [Receipt(2, original=1)]
        assert state(store, 2) is MessageState.DUPLICATE
        assert [one.id for one in store.unrouted(["charges"], 0, 10)] == [1]
        with pytest.raises(KeyError):
            store.content(2)
        assert store.gaps() == []

    def test_a48_also_within_one_batch(self, store: MessageStore) -> None:
        receipts = store.accept([arrival(1), arrival(2), arrival(1), arrival(1)])
        assert [one.original for one in receipts] == [0, 0, 1, 1]

    def test_a48_while_the_first_is_still_in_work(self, store: MessageStore) -> None:
        store.accept([arrival(1, answered="")])
        assert store.accept([arrival(1, answered="")]) == [Receipt(2, original=1, answered="")]
        store.answer({1: "accepted"})
        assert store.accept([arrival(1, answered="")]) == [Receipt(3, original=1, answered="accepted")]

    def test_a49_the_same_control_id_with_other_content_is_new_and_noted(self, store: MessageStore) -> None:
        receipts = store.accept([arrival(1), arrival(1, "FT1|1\r")])
        assert receipts == [Receipt(1), Receipt(2, reused=True)]
        assert store.accept([arrival(1, "FT1|2\r"), arrival(1)]) == [
            Receipt(3, reused=True),
            Receipt(4, original=1),
        ]

    def test_another_channel_is_another_message(self, store: MessageStore) -> None:
        assert store.accept([arrival(1), arrival(1, channel="adt")]) == [Receipt(1), Receipt(2)]

    @pytest.mark.parametrize("answered", ["error", "rejected"])
    def test_a50_one_refused_at_the_door_is_kept_and_does_not_count(
        self, store: MessageStore, answered: Answered
    ) -> None:
        refused = arrival(1, answered=answered, reason=CONFLICT)
        assert store.accept([refused]) == [Receipt(1, answered=answered)]
        assert store.accept([arrival(1)]) == [Receipt(2)]
        (view,) = store.messages(Query(state="quarantined"))
        assert (view.id, view.answered, view.reason) == (1, answered, CONFLICT)
        assert store.content(1) == refused.raw
        assert [one.id for one in store.unrouted(["charges"], 0, 9)] == [2]

    @pytest.mark.parametrize("how", ["route", "answer", "unanswered"])
    def test_a50_one_refused_by_mapping_does_not_count(self, store: MessageStore, how: str) -> None:
        store.accept([arrival(1, answered="")])
        told: Answered = "error" if how == "route" else ""
        store.route([Routing(1, Dead(CONFLICT), answered=told)], [], 1.0)
        if how == "answer":
            store.answer({1: "error"})
        assert store.accept([arrival(1)]) == [Receipt(2)]
        assert store.accept([arrival(1)]) == [Receipt(3, original=2)]

    def test_a_dead_letter_that_was_accepted_still_counts(self, store: MessageStore) -> None:
        accept(store, 1)
        store.route([Routing(1, Dead(CONFLICT))], [], 1.0)
        assert store.accept([arrival(1)]) == [Receipt(2, original=1)]

    def test_the_first_answer_stands(self, store: MessageStore) -> None:
        store.accept([arrival(1), arrival(2, answered="")])
        store.answer({1: "error", 2: "error"})
        store.answer({2: "accepted"})
        assert [one.answered for one in store.messages(Query())] == ["accepted", "error"]

    def test_a51_connections_that_send_the_same_at_once(self, store: MessageStore) -> None:
        found: list[Receipt] = []
        gate = threading.Barrier(4)

        def send() -> None:
            for number in range(20):
                gate.wait()
                found.extend(store.accept([arrival(number)]))

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(not one.original for one in found) == 20
        assert sorted(one.id for one in found) == list(range(1, 81))
        assert store.gaps() == []

    def test_what_names_a_step_is_filtered_by_it_and_kept(self, store: MessageStore) -> None:
        envelope = msgspec.structs.replace(arrival(1), step="batch", reason=CONFLICT)
        assert store.accept([envelope]) == [Receipt(1)]
        assert store.unrouted(["charges"], 0, 10) == []
        (view,) = store.messages(Query())
        assert (view.state, view.step, view.reason) == (MessageState.FILTERED, "batch", CONFLICT)
        assert store.content(1) == envelope.raw
        assert store.accept([envelope])[0].original == 1
        assert store.gaps() == []


class RoutingContract:
    def test_unrouted_reads_no_more_at_once_than_fits_into_memory(self, store: MessageStore) -> None:
        half = arrival(1).raw.ljust(AT_ONCE // 2, b"x")
        store.accept([msgspec.structs.replace(arrival(number), raw=half) for number in (1, 2, 3, 4, 5)])
        assert [one.id for one in store.unrouted(["charges"], 0, 9)] == [1, 2]
        assert [one.id for one in store.unrouted(["charges"], 2, 1)] == [3]
        assert [one.id for one in store.unrouted(["charges"], 4, 9)] == [5]

    def test_a_message_larger_than_that_comes_alone(self, store: MessageStore) -> None:
        large = msgspec.structs.replace(arrival(1), raw=bytes(AT_ONCE + 1))
        store.accept([large, arrival(2)])
        assert [one.raw == large.raw for one in store.unrouted(["charges"], 0, 9)] == [True]
        assert [one.id for one in store.unrouted(["charges"], 1, 9)] == [2]

    def test_unrouted_is_in_order_by_channel_and_paged(self, store: MessageStore) -> None:
        accept(store, *range(1, 4))
        accept(store, 1, channel="adt")
        assert [one.id for one in store.unrouted(["charges", "adt"], 0, 9)] == [1, 2, 3, 4]
        assert [one.id for one in store.unrouted(["charges"], 1, 1)] == [2]
        assert [one.id for one in store.unrouted(["adt"], 0, 9)] == [4]
        assert store.unrouted([], 0, 9) == []

    def test_effects_become_deliveries_one_for_each_destination(self, store: MessageStore) -> None:
        accept(store, 1)
        warnings = (Reason(ReasonCode.BAD_VALUE, "used before"),)
        effects = (charge("a"), charge("b"))
        store.route(
            [Routing(1, Routed(effects, "t1p_1"), Lane.HIGH, ("odoo", "ledger"), warnings=warnings)], [], 7.0
        )
        views = store.deliveries(Query(), message_id=1)
        assert [(one.delivery.effect, one.delivery.destination) for one in views] == [
            (effects[0], "odoo"),
            (effects[0], "ledger"),
            (effects[1], "odoo"),
            (effects[1], "ledger"),
        ]
        assert {(one.state, one.due_at, one.delivery.sequence_key) for one in views} == {
            (DeliveryState.DUE, 7.0, "t1p_1")
        }
        (message,) = store.messages(Query())
        assert (message.state, message.effects, message.warnings) == (MessageState.WAITING, 2, warnings)
        assert store.unrouted(["charges"], 0, 9) == []
        assert store.gaps() == []

    def test_filtered_and_dead_are_final_and_say_why(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        store.route([Routing(1, Filtered("only P03")), Routing(2, Dead(CONFLICT))], [], 7.0)
        one, two = store.messages(Query())
        assert (one.state, one.step) == (MessageState.FILTERED, "only P03")
        assert (two.state, two.reason) == (MessageState.DEAD, CONFLICT)
        assert store.gaps() == []

    def test_no_effect_and_no_destination_are_filtered_by_that_name(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        store.route(
            [Routing(1, Routed(()), destinations=("odoo",)), Routing(2, Routed((charge(1),)))], [], 7.0
        )
        assert [(one.state, one.step) for one in store.messages(Query())] == [
            (MessageState.FILTERED, "no effect"),
            (MessageState.FILTERED, "no destination"),
        ]
        assert store.gaps() == []

    def test_routing_twice_changes_nothing(self, store: MessageStore) -> None:
        accept(store, 1)
        route(store, 1)
        settle(store, claim(store))
        route(store, 1, effects=3)
        store.route([Routing(1, Dead(CONFLICT))], [], 9.0)
        assert state(store, 1) is MessageState.DELIVERED
        assert len(store.deliveries(Query())) == 1

    def test_a_message_of_a_million_deliveries_is_not_taken(self, store: MessageStore) -> None:
        accept(store, 1)
        many = Routed((charge(1),) * 1000)
        with pytest.raises(Unacceptable):
            store.route([Routing(1, many, destinations=tuple(map(str, range(1000))))], [token(1)], 1.0)
        assert state(store, 1) is MessageState.RECEIVED
        assert store.tokens([lookup(1)]) == {}

    def test_tokens_are_stored_with_what_speaks_of_them(self, store: MessageStore) -> None:
        accept(store, 1)
        store.route([Routing(1, Filtered("x"))], [token(number) for number in range(600)], 1.0)
        known = store.tokens([lookup(number) for number in range(601)])
        assert known == {lookup(number): f"t1p_{number}" for number in range(600)}

    def test_a_token_minted_elsewhere_meanwhile_is_told_and_nothing_stored(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        store.route([Routing(1, Filtered("x"))], [token(1)], 1.0)
        with pytest.raises(TokensTaken) as raised:
            store.route([Routing(2, Filtered("x"))], [token(1, "t1p_other"), token(2)], 1.0)
        assert raised.value.known == {lookup(1): "t1p_1"}
        assert state(store, 2) is MessageState.RECEIVED
        assert store.tokens([lookup(2)]) == {}
        store.route([Routing(2, Filtered("x"))], [token(1), token(2)], 1.0)  # the very same is no conflict

    def test_p05_many_routers_mint_one_token_for_one_person(self, store: MessageStore) -> None:
        accept(store, *range(40))
        gate = threading.Barrier(4)
        tokens: list[str] = []

        def work(worker: int) -> None:
            for person in range(10):
                gate.wait()
                message_id = person * 4 + worker + 1
                mine = token(person, f"t1p_{person}_{worker}")
                try:
                    store.route([Routing(message_id, Filtered("x"))], [mine], 1.0)
                    tokens.append(mine.token)
                except TokensTaken as taken:
                    store.route([Routing(message_id, Filtered("x"))], [], 1.0)
                    tokens.extend(taken.known.values())

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(tokens) == 40
        assert len(set(tokens)) == 10

    def test_merged_tokens_answer_with_their_survivor(self, store: MessageStore) -> None:
        accept(store, 1, 2, 3)
        minted = [token(number) for number in range(1, 5)]

        def merge(message_id: int, *pairs: tuple[int, int]) -> None:
            merges = tuple(TokenMerge(f"t1p_{gone}", f"t1p_{into}") for gone, into in pairs)
            routed = Routed((charge(1),), merges=merges)
            store.route([Routing(message_id, routed, destinations=("odoo",))], minted, 1.0)

        merge(1, (1, 2))
        assert store.survivors(["t1p_1", "t1p_2", "t1p_9"]) == {"t1p_1": "t1p_2"}
        minted = []
        merge(2, (2, 3), (4, 1))
        assert store.survivors(["t1p_1", "t1p_2", "t1p_4"]) == dict.fromkeys(
            ["t1p_1", "t1p_2", "t1p_4"], "t1p_3"
        )
        assert set(store.tokens([lookup(number) for number in range(1, 5)]).values()) == {"t1p_3"}
        merge(3, (3, 1))  # the other way round: they are one already
        assert store.survivors(["t1p_3"]) == {}
        assert store.gaps() == []


def held(
    store: MessageStore, message_id: int, follows: bytes = b"", leads: bytes = b"", at: float = 200.0
) -> None:
    store.route([Routing(message_id, Fragment(follows, leads))], [], at)


class FragmentContract:
    def test_pieces_are_held_and_become_one_message(self, store: MessageStore) -> None:
        one, two, three = accept(store, 1, 2, 3)
        held(store, one, leads=b"p")
        held(store, two, b"p", b"q", at=201.0)
        held(store, three, b"q", at=202.0)
        sizes = [len(arrival(number).raw) for number in (1, 2, 3)]
        assert store.fragments(["charges", "adt"]) == [
            HeldFragment(one, "charges", b"", b"p", 200.0, sizes[0]),
            HeldFragment(two, "charges", b"p", b"q", 201.0, sizes[1]),
            HeldFragment(three, "charges", b"q", b"", 202.0, sizes[2]),
        ]
        assert store.fragments(["adt"]) == []
        assert store.unrouted(["charges"], 0, 10) == []
        assert store.backlog(210.0)["charges"]["fragments"] == 3
        assert store.gaps() == []
        store.route(
            [Routing(one, Routed((charge(1),)), destinations=("odoo",), rest=(two, three))], [], 210.0
        )
        views = store.messages(Query())
        assert [(view.state, view.original) for view in views] == [
            (MessageState.WAITING, 0),
            (MessageState.JOINED, one),
            (MessageState.JOINED, one),
        ]
        assert store.fragments(["charges"]) == []
        assert ids(claim(store)) == [one]
        assert store.gaps() == []

    def test_what_is_not_held_any_more_is_not_routed_again(self, store: MessageStore) -> None:
        one, two = accept(store, 1, 2)
        held(store, one, leads=b"p")
        routing = Routing(one, Routed((charge(1),)), destinations=("odoo",), rest=(two,))
        store.route([routing], [], 210.0)  # the second is not held yet
        assert state(store, one) == MessageState.FRAGMENT
        held(store, two, b"p")
        store.route([routing], [], 210.0)
        store.route([routing], [], 210.0)
        held(store, one, leads=b"p")
        assert [view.state for view in store.messages(Query())] == [MessageState.WAITING, MessageState.JOINED]
        assert len(claim(store)) == 1
        assert store.gaps() == []

    def test_a_resend_of_a_piece_is_its_duplicate(self, store: MessageStore) -> None:
        one, two = accept(store, 1, 2)
        held(store, one, leads=b"p")
        assert store.accept([arrival(1)])[0].original == one
        held(store, two, b"p")
        store.route([Routing(one, Routed((charge(1),)), destinations=("odoo",), rest=(two,))], [], 210.0)
        assert [receipt.original for receipt in store.accept([arrival(1), arrival(2)])] == [one, two]

    def test_a_piece_given_up_is_a_dead_letter_that_may_come_again(self, store: Store) -> None:
        (one,) = accept(store, 1)
        held(store, one, leads=b"p")
        store.route([Routing(one, Dead(CONFLICT))], [], 210.0)
        assert state(store, one) == MessageState.DEAD
        assert store.fragments(["charges"]) == []
        assert store.content(one) == arrival(1).raw
        assert store.accept([arrival(1)])[0].original == 0
        assert store.gaps() == []
        assert resent(store, one, now=220.0) == [one]
        held(store, one, leads=b"p", at=221.0)
        assert [piece.since for piece in store.fragments(["charges"])] == [221.0]

    def test_a_joined_dead_letter_is_routed_again_with_its_pieces(self, store: Store) -> None:
        one, two = accept(store, 1, 2)
        held(store, one, leads=b"p")
        held(store, two, b"p")
        store.route([Routing(one, Dead(CONFLICT), rest=(two,))], [], 210.0)
        assert [view.state for view in store.messages(Query())] == [MessageState.DEAD, MessageState.JOINED]
        assert store.accept([arrival(1)])[0].original == one  # it was whole, and its sender was told
        assert purge(store, day=31).contents == 0
        assert resent(store, one, now=220.0) == [one]
        assert [message.id for message in store.unrouted(["charges"], 0, 10)] == [one, two]
        assert store.gaps() == []

    def test_what_the_senders_of_pieces_are_told(self, store: MessageStore) -> None:
        waiting = [arrival(number, answered="") for number in (1, 2)]
        one, two = (receipt.id for receipt in store.accept(waiting))
        store.route([Routing(one, Fragment(b"", b"p"), answered="accepted")], [], 200.0)
        store.route([Routing(two, Fragment(b"p", b""), answered="")], [], 200.0)
        assert [view.answered for view in store.messages(Query())] == ["accepted", ""]
        store.route([Routing(one, Dead(CONFLICT), answered="error", rest=(two,))], [], 210.0)
        assert [view.answered for view in store.messages(Query())] == ["accepted", "error"]

    def test_purge_takes_the_content_of_all_pieces(self, store: MessageStore) -> None:
        one, two = accept(store, 1, 2)
        held(store, one, leads=b"p")
        held(store, two, b"p")
        assert purge(store, day=31).contents == 0
        store.route([Routing(one, Filtered("step"), rest=(two,))], [], 210.0)
        assert purge(store, day=62).contents == 2
        assert store.gaps() == []


class _Watch:
    """Sees which sequence keys are in somebody's hands, and in which order messages came."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.wrong: list[str] = []
        self.order: dict[str, list[int]] = {}
        self._guard = threading.Lock()

    def took(self, taken: list[Delivery]) -> None:
        with self._guard:
            for key, message_id in {one.sequence_key: one.message_id for one in taken}.items():
                if key in self.held:
                    self.wrong.append(key)
                self.held.add(key)
                self.order.setdefault(key, []).append(message_id)

    def gave(self, taken: list[Delivery]) -> None:
        with self._guard:
            self.held.difference_update(one.sequence_key for one in taken)


class DeliveryContract:
    def test_oldest_message_first_under_a_lease(self, store: MessageStore) -> None:
        accept(store, 1, 2, 3)
        for message_id in (3, 1, 2):
            route(store, message_id)
        first = claim(store, 2)
        assert ids(first) == [1, 2]
        assert [one.attempts for one in first] == [1, 1]
        assert ids(claim(store)) == [3]
        assert claim(store) == []

    def test_by_destination_and_lane(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        route(store, 1, lane=Lane.BULK)
        route(store, 2, lane=Lane.HIGH, to=("odoo", "ledger"))
        assert ids(claim(store)) == []
        assert ids(claim(store, lane=Lane.HIGH)) == [2]
        assert ids(claim(store, lane=Lane.HIGH, to="ledger")) == [2]
        assert ids(claim(store, lane=Lane.BULK)) == [1]

    def test_one_message_of_a_sequence_key_at_a_time_with_all_its_effects(self, store: MessageStore) -> None:
        accept(store, 1, 2, 3)
        route(store, 1, "p", effects=2)
        route(store, 2, "p")
        route(store, 3, "q")
        first = claim(store)
        assert ids(first) == [1, 1, 3]
        assert claim(store) == []
        settle(store, first)
        assert ids(claim(store)) == [2]

    def test_effects_of_several_places_wait_each_for_its_own(self, store: MessageStore) -> None:
        accept(store, 1, 2, 3)
        several = Routed((charge("a"), charge("b")), "p", (), ("p", "q"))
        store.route([Routing(1, several, destinations=("odoo",))], [], 0.0)
        route(store, 2, "q")
        route(store, 3, "p")
        first = claim(store)
        assert [(one.message_id, one.sequence_key) for one in first] == [(1, "p"), (1, "q")]
        settle(store, first[:1])
        assert ids(claim(store)) == [3]
        settle(store, first[1:])
        assert ids(claim(store)) == [2]

    def test_a_waiting_one_holds_back_its_own_key_only(self, store: MessageStore) -> None:
        accept(store, 1, 2, 3)
        for message_id, key in ((1, "p"), (2, "p"), (3, "q")):
            route(store, message_id, key)
        settle(store, claim(store, 1), TryAgain(DOWN), retry_at=900.0)
        assert ids(claim(store)) == [3]
        assert ids(claim(store, now=900.0)) == [1]

    def test_a_dead_one_holds_back_nothing(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        route(store, 1, "p")
        route(store, 2, "p")
        settle(store, claim(store), Refused(CONFLICT))
        assert ids(claim(store)) == [2]

    def test_order_holds_across_lanes_and_channels_but_not_destinations(self, store: MessageStore) -> None:
        accept(store, 1)
        accept(store, 2, channel="adt")
        route(store, 1, "p", lane=Lane.BULK)
        route(store, 2, "p", lane=Lane.HIGH, to=("odoo", "ledger"))
        assert claim(store, lane=Lane.HIGH) == []
        assert ids(claim(store, lane=Lane.HIGH, to="ledger")) == [2]
        settle(store, claim(store, lane=Lane.BULK))
        assert ids(claim(store, lane=Lane.HIGH)) == [2]

    def test_an_earlier_message_routed_late_waits_for_the_one_in_hand(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        route(store, 2, "p")
        in_hand = claim(store)
        route(store, 1, "p")
        assert claim(store) == []
        settle(store, in_hand)
        assert ids(claim(store)) == [1]

    def test_the_rest_of_a_message_waits_for_its_part_in_hand(self, store: MessageStore) -> None:
        accept(store, 1)
        route(store, 1, "p", effects=3)
        part = claim(store, 2)
        assert len(part) == 2
        assert claim(store) == []
        settle(store, part)
        assert len(claim(store)) == 1

    def test_the_rest_of_a_message_waits_for_what_comes_before_it_and_is_due_later(
        self, store: MessageStore
    ) -> None:
        accept(store, 1)
        route(store, 1, "p", effects=3)
        settle(store, claim(store, 1), TryAgain(DOWN), retry_at=900.0)
        assert claim(store) == []
        assert len(claim(store, now=900.0)) == 3

    def test_concurrent_claimers_never_hold_one_key_twice(self, store: MessageStore) -> None:
        accept(store, *range(60))
        for message_id in range(1, 61):
            route(store, message_id, f"p{message_id % 5}", effects=2, lane=Lane(message_id % 3))
        watch = _Watch()

        def work(holder: str) -> None:
            for turn in range(400):
                taken = claim(store, 3, lane=Lane(turn % 3), holder=holder)
                watch.took(taken)
                store.note({one.id: {"by": holder} for one in taken})
                watch.gave(taken)
                settle(store, taken, holder=holder)
                if not taken and store.account() == done:
                    return

        done = [AccountRow("charges", MessageState.DELIVERED, 60)]
        threads = [threading.Thread(target=work, args=(f"h{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert watch.wrong == []
        assert all(given == sorted(given) for given in watch.order.values())
        assert store.account() == done
        assert store.gaps() == []

    def test_a_message_is_final_when_all_its_deliveries_are(self, store: MessageStore) -> None:
        accept(store, 1, 2)
        route(store, 1, effects=2)
        route(store, 2, effects=2)
        one, two, three, four = claim(store)
        assert settle(store, [one]) == []
        assert state(store, 1) is MessageState.WAITING
        assert settle(store, [two, three]) == [1]
        assert settle(store, [four], Refused(CONFLICT)) == [2]
        assert [state(store, 1), state(store, 2)] == [MessageState.DELIVERED, MessageState.DEAD]
        assert store.gaps() == []

    def test_how_an_attempt_ended_is_kept(self, store: MessageStore) -> None:
        accept(store, 1, 2, 3)
        for message_id in (1, 2, 3):
            route(store, message_id)
        one, two, three = claim(store)
        settle(store, [one], Delivered({"stock.picking": "7"}, "short by 2"))
        settle(store, [two], TryAgain(DOWN), retry_at=500.0)
        settle(store, [three], Refused(CONFLICT))
        views = store.deliveries(Query())
        assert [(view.state, view.reason) for view in views] == [
            (DeliveryState.DELIVERED, None),
            (DeliveryState.DUE, DOWN),
            (DeliveryState.DEAD, CONFLICT),
        ]
        assert (views[0].documents, views[0].note, views[0].settled_at) == (
            {"stock.picking": "7"},
            "short by 2",
            310.0,
        )
        assert views[1].due_at == 500.0
        assert claim(store, now=500.0)[0].attempts == 2

    def test_a_lease_that_ends_gives_the_delivery_back(self, store: MessageStore) -> None:
        accept(store, 1)
        route(store, 1)
        claim(store, lease=60.0)
        assert store.reclaim(359.9) == 0
        assert store.reclaim(360.0) == 1
        assert claim(store, now=361.0)[0].attempts == 2

    def test_a_settlement_whose_lease_was_lost_is_ignored(self, store: MessageStore) -> None:
        accept(store, 1)
        route(store, 1)
        old = claim(store)
        store.reclaim(400.0)
        assert settle(store, old) == []
        new = claim(store, now=400.0, holder="other")
        assert settle(store, old, Refused(CONFLICT)) == []
        assert settle(store, new, holder="other") == [1]
        assert settle(store, new, Refused(CONFLICT), holder="other") == []
        assert state(store, 1) is MessageState.DELIVERED

    def test_notes_are_merged_and_come_with_the_next_claim(self, store: MessageStore) -> None:
        accept(store, 1)
        route(store, 1)
        (one,) = claim(store)
        store.note({one.id: {"picking": "7", "step": "load"}})
        store.note({one.id: {"step": "confirm"}, 99: {"unknown": "x"}})
        store.reclaim(400.0)
        (again,) = claim(store, now=400.0)
        assert again.progress == {"picking": "7", "step": "confirm"}
        settle(store, [again], TryAgain(DOWN), retry_at=500.0)
        assert claim(store, now=500.0)[0].progress == {"picking": "7", "step": "confirm"}

    def test_two_who_settle_the_last_two_deliveries_at_once(self, store: MessageStore) -> None:
        accept(store, *range(20))
        for message_id in range(1, 21):
            route(store, message_id, effects=2)
        for _ in range(20):
            one = claim(store, 1, holder="a")
            two = claim(store, 1, holder="b")
            threads = [
                threading.Thread(target=settle, args=(store, one), kwargs={"holder": "a"}),
                threading.Thread(target=settle, args=(store, two), kwargs={"holder": "b"}),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert store.account() == [AccountRow("charges", MessageState.DELIVERED, 20)]

    def test_what_is_sent_again_forgets_attempts_and_keeps_progress(self, store: Store) -> None:
        accept(store, 1, 2)
        route(store, 1, effects=2)
        route(store, 2)
        one, two, three = claim(store)
        store.note({one.id: {"picking": "7"}})
        settle(store, [one, three], Refused(CONFLICT))
        settle(store, [two])
        letters = store.letters(Letters(ids=(1,)))
        assert store.resend(letters, now=400.0, told=TOLD) == [1]
        assert [state(store, 1), state(store, 2)] == [MessageState.WAITING, MessageState.DEAD]
        (again,) = claim(store, now=400.0)
        assert (again.id, again.attempts, again.progress) == (one.id, 1, {"picking": "7"})
        assert settle(store, [again]) == [1]
        assert store.resend(letters, now=400.0, told=TOLD) == []  # it was delivered meanwhile
        assert resent(store, now=400.0, channel="adt") == []
        assert resent(store, now=400.0, channel="charges") == [2]
        assert store.gaps() == []

    def test_what_never_became_effects_is_routed_again_when_it_is_sent_again(
        self, store: MessageStore
    ) -> None:
        accept(store, 1)
        store.route([Routing(1, Dead(CONFLICT))], [], 1.0)
        assert resent(store, now=2.0) == [1]
        assert [one.id for one in store.unrouted(["charges"], 0, 9)] == [1]
        (view,) = store.messages(Query())
        assert view.reason is None
        route(store, 1)
        assert settle(store, claim(store)) == [1]
        assert store.gaps() == []

    def test_all_that_match_are_sent_again(self, store: Store) -> None:
        accept(store, *range(150))
        store.route([Routing(number, Dead(CONFLICT)) for number in range(1, 151)], [], 1.0)
        assert resent(store, now=2.0, since=200.0) == []
        assert resent(store, now=2.0) == list(range(1, 151))

    def test_one_that_is_sent_again_does_not_overtake_nor_join_what_is_in_hand(
        self, store: MessageStore
    ) -> None:
        accept(store, 1, 2)
        route(store, 1, "p")
        route(store, 2, "p")
        settle(store, claim(store), Refused(CONFLICT))
        in_hand = claim(store)
        assert ids(in_hand) == [2]
        resent(store, 1, now=400.0)
        assert claim(store, now=400.0) == []
        settle(store, in_hand)
        assert ids(claim(store, now=400.0)) == [1]


class ViewsContract:
    def test_queries_choose_and_page(self, store: MessageStore) -> None:
        store.accept([arrival(number, at=float(number)) for number in range(1, 6)])
        accept(store, 9, channel="adt")
        found = {
            "channel": [one.id for one in store.messages(Query(channel="adt"))],
            "ids": [one.id for one in store.messages(Query(ids=(2, 5, 77)))],
            "since": [one.id for one in store.messages(Query(since=4.0, until=6.0))],
            "page": [one.id for one in store.messages(Query(after=2, limit=2))],
            "state": [one.id for one in store.messages(Query(state="dead"))],
        }
        assert found == {"channel": [6], "ids": [2, 5], "since": [4, 5], "page": [3, 4], "state": []}

    def test_deliveries_are_chosen_the_same_way(self, store: MessageStore) -> None:
        store.accept([arrival(number, at=float(number)) for number in range(1, 4)])
        for message_id in (1, 2, 3):
            route(store, message_id, effects=2)
        settle(store, claim(store, 1))
        everything = [one.delivery for one in store.deliveries(Query())]
        assert ids(everything) == [1, 1, 2, 2, 3, 3]
        assert [one.delivery for one in store.deliveries(Query(ids=(everything[3].id,)))] == [everything[3]]
        assert ids(one.delivery for one in store.deliveries(Query(after=everything[0].id, limit=2))) == [1, 2]
        assert ids(one.delivery for one in store.deliveries(Query(since=2.0, until=3.0))) == [2, 2]
        assert len(store.deliveries(Query(state="delivered"))) == 1
        assert store.deliveries(Query(channel="adt")) == []
        assert ids(one.delivery for one in store.deliveries(Query(), message_id=3)) == [3, 3]

    def test_the_account_and_the_backlog_add_up(self, store: MessageStore) -> None:
        store.accept([arrival(number, at=100.0 + number) for number in range(1, 5)])
        store.accept([arrival(1), arrival(7, channel="adt")])
        route(store, 2, effects=3)
        store.route([Routing(3, Dead(CONFLICT))], [], 1.0)
        route(store, 4)
        settle(store, claim(store)[-1:])
        assert {(row.channel, str(row.state), row.messages) for row in store.account()} == {
            ("charges", "received", 1),
            ("charges", "waiting", 1),
            ("charges", "dead", 1),
            ("charges", "delivered", 1),
            ("charges", "duplicate", 1),
            ("adt", "received", 1),
        }
        assert store.backlog(150.0) == {
            "charges": {
                "unrouted": 1,
                "fragments": 0,
                "due": 3,
                "scheduled": 0,
                "owed": 0,
                "dead": 1,
                "oldest": 49.0,
            },
            "adt": {
                "unrouted": 1,
                "fragments": 0,
                "due": 0,
                "scheduled": 0,
                "owed": 0,
                "dead": 0,
                "oldest": 50.0,
            },
        }

    def test_purge_forgets_only_what_nobody_waits_for(self, store: MessageStore) -> None:
        accept(store, *range(1, 6))
        store.accept([arrival(6, answered="rejected", reason=CONFLICT)])
        for message_id in (1, 2, 3):
            route(store, message_id)
        one, two, _ = claim(store)
        settle(store, [one])
        settle(store, [two], Refused(CONFLICT))
        store.route([Routing(4, Filtered("x"))], [], 1.0)
        assert not purge(store, day=30)
        assert purge(store, day=31).contents == 3
        for message_id, kept in ((1, False), (2, True), (3, True), (4, False), (5, True), (6, False)):
            if kept:
                assert store.content(message_id)
            else:
                with pytest.raises(KeyError):
                    store.content(message_id)
        assert [one.original for one in store.accept([arrival(1), arrival(5)])] == [1, 5]
        assert purge(store, day=31, duplicates=30).forgotten == 3
        assert [one.original for one in store.accept([arrival(1), arrival(5)])] == [0, 5]
        assert store.gaps() == []

    def test_unknown_messages(self, store: MessageStore) -> None:
        with pytest.raises(KeyError):
            store.content(1)
        assert store.messages(Query(ids=(1,))) == []
        assert store.settle([Settlement(1_000_001, Delivered())], now=1.0, holder="me") == []
        assert store.settle([], now=1.0, holder="me") == []
        store.answer({})
        store.note({})
        store.route([], [], 1.0)

    def test_check_makes_a_commit(self, store: MessageStore) -> None:
        store.check()
        store.check()


class AssertionContract:
    def test_an_assertion_is_used_once_until_it_has_expired(self, store: Store) -> None:
        one, other = b"1" * 16, b"2" * 16
        assert store.first_use(one, 400.0, 100.0)
        assert store.first_use(other, 500.0, 100.0)
        assert not store.first_use(one, 400.0, 100.0)
        assert not store.first_use(one, 700.0, 399.0)
        assert store.first_use(one, 800.0, 400.0)
        assert not store.first_use(other, 500.0, 499.0)

    def test_of_many_uses_at_once_one_is_the_first(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            first = list(pool.map(lambda _: store.first_use(b"3" * 16, 400.0, 100.0), range(24)))
        assert first.count(True) == 1


class StoreContract(
    AcceptContract,
    AnswersContract,
    CheckContract,
    RoutingContract,
    FragmentContract,
    CourseContract,
    MeasureContract,
    AlertContract,
    MentionContract,
    UnmergeContract,
    DeliveryContract,
    OverviewContract,
    FigureContract,
    ParkingContract,
    HoldContract,
    FixContract,
    ScheduleContract,
    ShadowContract,
    PurgeContract,
    ViewsContract,
    ResourceContract,
    VaultContract,
    AssertionContract,
    AuditContract,
    EditionContract,
    TakingContract,
    AccountsContract,
):
    """All of it."""
