"""What every message store promises about answering: sequence numbers, control ids, owed answers."""

from __future__ import annotations

import random

import pytest
from conformance.purge_contract import purge
from msgspec.structs import replace

from engine.effects import Charge, Item
from engine.model import (
    Answered,
    Arrival,
    Dead,
    Filtered,
    Fragment,
    MessageState,
    Numbered,
    Reason,
    ReasonCode,
    Receipt,
    Routed,
    Routing,
)
from engine.store.base import MessageStore
from engine.store.cipher import Fingerprints
from engine.store.contracts.owing import Owed
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

NAMES = Fingerprints(KeyRing({"first": b"\x07" * 32}))
LINK, OTHER = b"l" * 16, b"o" * 16
NO_ITEM = Reason(ReasonCode.UNMAPPED_CODE, "this code is not in the table", "FT1-7")


def arrival(
    control_id: object, text: str = "", *, answered: Answered = "accepted", channel: str = "a"
) -> Arrival:
    raw = f"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|{control_id}|P|2.5\r{text}".encode()
    name = NAMES.of(channel, b"LAB", b"HOSP", str(control_id).encode())
    return Arrival(channel, raw, name, NAMES.digest(raw), 100.0, answered)


def numbered(number: int, text: str = "", link: bytes = LINK) -> Arrival:
    """The message of a number: the same bytes when it is sent again."""
    return replace(arrival(f"{link[:1].decode()}{number}", text), numbered=Numbered(link, number))


def says(store: MessageStore, *arrivals: Arrival) -> list[tuple[str, int | None]]:
    """What each is told: AA, AE or nothing stored, and MSA-4."""
    return [
        ("AE" if one.refused else "AA" if one.id else "-", one.expected) for one in store.accept(arrivals)
    ]


class AnswersContract:
    def test_a54_a_link_that_starts_asks_what_comes_next(self, store: MessageStore) -> None:
        assert says(store, numbered(0)) == [("-", -1)]
        assert says(store, numbered(17)) == [("AA", 17)]
        assert says(store, numbered(0)) == [("-", 18)]
        assert len(store.messages(Query())) == 1
        assert store.gaps() == []

    def test_a54_what_came_with_it_is_kept_and_not_routed(self, store: MessageStore) -> None:
        held = replace(numbered(0, "FT1|1\r"), step="sequence-link")
        assert store.accept([held, held]) == [Receipt(1, expected=-1), Receipt(2, original=1, expected=-1)]
        assert [one.state.value for one in store.messages(Query())] == ["filtered", "duplicate"]
        assert store.unrouted(["a"], 0, 10) == []
        assert store.gaps() == []

    def test_a55_a_link_that_begins_anew_forgets(self, store: MessageStore) -> None:
        says(store, numbered(17))
        assert says(store, numbered(-1), numbered(0), numbered(500), numbered(501)) == [
            ("-", -1),
            ("-", -1),
            ("AA", 500),
            ("AA", 501),
        ]
        assert [view.id for view in store.messages(Query())] == [1, 2, 3]

    def test_a56_a_number_again_is_a_lost_answer(self, store: MessageStore) -> None:
        says(store, numbered(16), numbered(17))
        assert store.accept([numbered(17)]) == [Receipt(3, original=2, expected=18)]
        assert store.accept([numbered(16)]) == [Receipt(4, original=1, expected=18)]
        assert [one.id for one in store.unrouted(["a"], 0, 10)] == [1, 2]

    def test_a56_other_content_under_an_old_number_is_refused_not_dropped(self, store: MessageStore) -> None:
        says(store, numbered(16), numbered(17))
        (receipt,) = store.accept([numbered(16, "FT1|1\r")])
        assert (receipt.answered, receipt.original, receipt.expected) == ("error", 0, 18)
        (view,) = store.messages(Query(ids=(receipt.id,)))
        assert view.state is MessageState.QUARANTINED
        assert view.reason == receipt.refused
        assert store.content(receipt.id).endswith(b"FT1|1\r")

    def test_a45_a_gap_is_refused_until_it_is_filled(self, store: MessageStore) -> None:
        assert says(store, numbered(1), numbered(3), numbered(2), numbered(3)) == [
            ("AA", 1),
            ("AE", 2),
            ("AA", 2),
            ("AA", 3),
        ]
        assert [one.state.value for one in store.messages(Query())] == [
            "received", "quarantined", "received", "received",
        ]  # fmt: skip

    def test_links_are_counted_apart_and_others_not_at_all(self, store: MessageStore) -> None:
        assert says(store, numbered(7), numbered(1, link=OTHER), arrival("x"), numbered(8)) == [
            ("AA", 7),
            ("AA", 1),
            ("AA", None),
            ("AA", 8),
        ]

    def test_what_is_refused_for_its_content_uses_no_number(self, store: MessageStore) -> None:
        says(store, numbered(1))
        bad = replace(numbered(2), answered="rejected", reason=NO_ITEM)
        assert [one.expected for one in store.accept([bad, numbered(2)])] == [2, 2]
        assert says(store, numbered(0)) == [("-", 3)]

    def test_a_known_message_under_the_expected_number_goes_on_without_effect(
        self, store: MessageStore
    ) -> None:
        says(store, numbered(17), numbered(-1))
        assert store.accept([numbered(17)]) == [Receipt(2, original=1, expected=17)]
        assert says(store, numbered(0)) == [("-", 18)]

    @pytest.mark.parametrize("seed", range(3))
    def test_a_long_talk_agrees_with_the_table(self, store: MessageStore, seed: int) -> None:
        dice = random.Random(seed)
        last: int | None = None
        accepted: set[int] = set()
        for _ in range(60):
            batch: list[Arrival] = []
            expected: list[tuple[str, int | None]] = []
            for _ in range(dice.randint(1, 4)):
                number = dice.choice([0, -1, *([(last or 0) + 1] * 6), (last or 0) + 2, dice.randint(1, 20)])
                batch.append(numbered(number))
                if number < 1:
                    last = None if number == -1 else last
                    expected.append(("-", -1 if last is None else last + 1))
                elif last is None or number == last + 1:
                    expected.append(("AA", number))
                    accepted.add(number)
                    last = number
                else:
                    again = number <= last and number in accepted
                    expected.append(("AA" if again else "AE", last + 1))
            assert says(store, *batch) == expected
        assert len(store.unrouted(["a"], 0, 1000)) == len(accepted)
        assert store.gaps() == []

    def test_a49_a_channel_may_refuse_control_ids_that_come_again(self, store: MessageStore) -> None:
        first, other, third = (replace(arrival(1, text), unique=True) for text in ("", "FT1|1\r", "FT1|2\r"))
        receipts = store.accept([first, other, first])
        assert [(one.original, one.answered, one.reused) for one in receipts] == [
            (0, "accepted", False),
            (0, "error", True),
            (1, "accepted", False),
        ]
        refused = receipts[1].refused
        assert refused is not None
        assert (refused.code, refused.hl7) == (ReasonCode.CONTROL_ID_REUSED, 205)
        assert store.accept([third])[0].refused == refused
        (view, _) = store.messages(Query(state="quarantined"))
        assert view.reason == refused

    # application answers on a link of their own

    def test_a37_an_answer_is_owed_until_it_was_told(self, store: MessageStore) -> None:
        store.accept([replace(arrival(n, answered=""), owes=n != 2) for n in (1, 2, 3, 4)])
        assert store.owed("a", 10) == []  # nothing is known yet
        store.route(
            [
                Routing(1, Filtered("x")),
                Routing(2, Filtered("x")),
                Routing(3, Dead(NO_ITEM), answered="error"),
            ],
            [],
            1.0,
        )
        assert store.owed("a", 10) == [Owed(1, 0), Owed(3, 0)]
        assert store.owed("a", 1) == [Owed(1, 0)]
        assert store.owed("b", 10) == []
        assert store.backlog(100.0)["a"]["owed"] == 3
        store.told([Owed(1, 2, "owed")])
        store.told([Owed(3, 1, "taken")])
        assert store.owed("a", 10) == [Owed(1, 2)]
        store.told([Owed(1, 3, "refused")])
        assert store.owed("a", 10) == []
        assert [one.application for one in store.messages(Query())] == ["refused", "", "taken", "owed"]
        assert store.gaps() == []

    def test_a37_what_is_refused_may_be_owed_an_answer_too(self, store: MessageStore) -> None:
        first, other = (replace(arrival(1, text), unique=True, owes=True) for text in ("", "FT1|1\r"))
        store.accept([first, other])
        assert store.owed("a", 10) == [Owed(1, 0), Owed(2, 0)]

    def test_a37_under_delivery_the_end_of_the_message_counts(self, store: MessageStore) -> None:
        store.accept([replace(arrival(1, answered=""), owes=True)])
        effect = Charge(key="1", encounter="t1v_x", item=Item("GLOVE", 1))
        store.route([Routing(1, Routed((effect,)), destinations=("odoo",), answered="")], [], 1.0)
        assert store.owed("a", 10) == []
        store.answer({1: "accepted"})
        assert store.owed("a", 10) == [Owed(1, 0)]

    def test_a37_a_resend_is_owed_the_answer_again(self, store: MessageStore) -> None:
        message = replace(arrival(1, answered=""), owes=True)
        store.accept([message])
        store.route([Routing(1, Filtered("x"))], [], 1.0)
        store.told([Owed(1, 1, "taken")])
        assert store.accept([message]) == [Receipt(2, original=1)]
        assert store.owed("a", 10) == [Owed(1, 0)]
        assert store.gaps() == []

    def test_what_is_owed_keeps_its_content(self, store: MessageStore) -> None:
        store.accept([replace(arrival(n, answered=""), owes=True) for n in (1, 2)])
        store.route([Routing(1, Filtered("x")), Routing(2, Filtered("x"))], [], 1.0)
        store.told([Owed(2, 1, "taken")])
        assert purge(store, day=31).contents == 1
        assert store.content(1)
        with pytest.raises(KeyError):
            store.content(2)

    def test_what_is_owed_to_the_first_of_pieces_keeps_its_content(self, store: MessageStore) -> None:
        store.accept([arrival(1), replace(arrival(2, answered=""), owes=True)])
        store.route([Routing(1, Fragment(b"", b"p")), Routing(2, Fragment(b"p", b""), answered="")], [], 1.0)
        store.route([Routing(1, Filtered("x"), rest=(2,))], [], 1.0)
        assert store.owed("a", 10) == [Owed(2, 0)]
        assert purge(store, day=31).contents == 0
        store.told([Owed(2, 1, "taken")])
        assert purge(store, day=62).contents == 2
