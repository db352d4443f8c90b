"""What every store promises about messages that a person puts right."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import pytest
from resending import resent

from engine.auditing import Act, AuditQuery, Entry
from engine.effects import Charge, Credit, Effect, Item
from engine.errors import Unacceptable
from engine.model import (
    Arrival,
    Dead,
    Delivered,
    DeliveryState,
    Filtered,
    Lane,
    MessageState,
    Owner,
    Reason,
    ReasonCode,
    Refused,
    Retention,
    Routed,
    Routing,
    Settlement,
    Shadowed,
)
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contents import Contents
from engine.store.contracts.fixing import Letters, Place
from engine.store.contracts.purging import Purged
from engine.store.contracts.views import DeliveryView, Query
from engine.store.keys import KeyRing
from engine.tokens import Erasure, Lookup, NewToken

NAMES: Final = Fingerprints(KeyRing({"first": b"\x07" * 32}))
TOLD: Final = Entry(at=500.0, who="duty", role="user", act=Act.REPLAY, object="messages", why="mended")
UNKNOWN: Final = Reason(ReasonCode.UNMAPPED_CODE, "no such code", "FT1-7", Owner.BUSINESS)
NO_ITEM: Final = Reason(ReasonCode.UNKNOWN_ITEM, "no such item", "item", Owner.BUSINESS)
DAY: Final = 86400.0


def fee(key: str, quantity: str = "1") -> Charge:
    return Charge(key=key, encounter="t1v_x", item=Item("GLOVE", Decimal(quantity)))


def came(store: Store, number: int, text: str = "", at: float = 100.0) -> int:
    raw = f"MSH|charges|{number}|{text}".encode()
    name = NAMES.of("charges", b"A", b"B", str(number).encode())
    (receipt,) = store.accept([Arrival("charges", raw, name, NAMES.digest(raw), at)])
    return receipt.id


def route(
    store: Store, message_id: int, *effects: Effect, key: str = "p", to: Sequence[str] = ("odoo",)
) -> None:
    made = Routed(effects, key) if effects else Filtered("no rule")
    store.route([Routing(message_id, made, Lane.NORMAL, tuple(to))], [], 200.0)


def carry(store: Store, *, refuse: Sequence[str] = (), to: str = "odoo") -> list[str]:
    """Carry out all that is due, but for the keys that are refused; the keys in their order."""
    done: list[str] = []
    while taken := store.claim(to, Lane.NORMAL, 100, now=300.0, lease_until=400.0, holder="me"):
        outcomes = [
            Refused(NO_ITEM) if one.effect.key in refuse else Delivered({"line": str(one.id)})
            for one in taken
        ]
        done += [one.effect.key for one in taken]
        pairs = zip(taken, outcomes, strict=True)
        store.settle([Settlement(one.id, outcome) for one, outcome in pairs], now=310.0, holder="me")
    return done


def state(store: Store, message_id: int) -> MessageState:
    return store.messages(Query(ids=(message_id,)))[0].state


def effects(store: Store, message_id: int) -> list[tuple[str, DeliveryState]]:
    found: list[DeliveryView] = store.deliveries(Query(limit=100), message_id=message_id)
    return [(one.delivery.effect.key, one.state) for one in found]


def dead_letters(store: Store) -> tuple[int, int]:
    """One that could not be routed, one that was refused."""
    unrouted, refused = came(store, 1), came(store, 2)
    store.route([Routing(unrouted, Dead(UNKNOWN, ("items", "A")))], [], 200.0)
    route(store, refused, fee("a"), fee("b"))
    carry(store, refuse=["b"])
    return unrouted, refused


class FixContract:
    def test_letters_are_found_by_why_where_and_whose(self, store: Store) -> None:
        unrouted, refused = dead_letters(store)
        all_ = store.letters(Letters())
        assert [(one.message_id, bool(one.delivery_id)) for one in all_] == [
            (unrouted, False),
            (refused, True),
        ]
        assert [one.destination for one in all_] == ["", "odoo"]
        asked = {
            unrouted: [Letters(code="unmapped-code"), Letters(place="FT1-7"), Letters(destination="-")],
            refused: [Letters(code="unknown-item"), Letters(destination="odoo"), Letters(ids=(refused,))],
        }
        for number, every in asked.items():
            for one in every:
                assert [found.message_id for found in store.letters(one)] == [number], one
        for one in (
            Letters(channel="x"),
            Letters(owner="privacy"),
            Letters(since=101.0),
            Letters(until=100.0),
        ):
            assert store.letters(one) == []

    def test_what_is_skipped_is_settled_and_can_be_undone(self, store: Store) -> None:
        unrouted, refused = dead_letters(store)
        assert store.skip(store.letters(Letters()), told=TOLD) == [unrouted, refused]
        assert (state(store, unrouted), state(store, refused)) == (MessageState.SKIPPED,) * 2
        assert effects(store, refused) == [("a", DeliveryState.DELIVERED), ("b", DeliveryState.SKIPPED)]
        assert store.letters(Letters()) == store.parked() == store.gaps() == []
        assert store.skip(store.letters(Letters(state="skipped")), told=TOLD) == []
        assert resent(store, now=400.0) == []  # what was settled stays so, unless it is asked for
        (first, second) = store.entries(AuditQuery(act=Act.REPLAY))[:2]
        assert first.entry.detail["skipped"] == f"{unrouted} {refused}"
        assert second.entry.detail["count"] == "0"
        again = store.letters(Letters(state="skipped"))
        assert [one.message_id for one in again] == [unrouted, refused]
        assert store.resend(again, now=400.0, told=TOLD) == [unrouted, refused]
        assert (state(store, unrouted), state(store, refused)) == (
            MessageState.RECEIVED,
            MessageState.WAITING,
        )
        assert store.gaps() == []

    def test_one_letter_of_a_message_is_settled_and_the_other_stays(self, store: Store) -> None:
        number = came(store, 1)
        route(store, number, fee("a"), to=("odoo", "ledger:x"))
        carry(store, refuse=["a"])
        carry(store, refuse=["a"], to="ledger:x")
        store.skip(store.letters(Letters(destination="odoo")), told=TOLD)
        assert state(store, number) is MessageState.DEAD
        store.resend(store.letters(Letters()), now=250.0, told=TOLD)
        assert state(store, number) is MessageState.WAITING
        carry(store, to="ledger:x")
        assert state(store, number) is MessageState.SKIPPED
        assert store.gaps() == []

    def test_what_is_sent_again_says_why_it_had_stopped_and_goes_first(self, store: Store) -> None:
        _, refused = dead_letters(store)
        newer = came(store, 3)
        route(store, newer, fee("c"))
        store.resend(store.letters(Letters(destination="odoo")), now=250.0, told=TOLD)
        (one,) = store.claim("odoo", Lane.NORMAL, 9, now=300.0, lease_until=400.0, holder="me")
        assert (one.message_id, one.effect.key, one.again) == (refused, "b", "unknown-item")
        assert store.messages(Query(ids=(refused,)))[0].again == 1

    def test_a_replay_leaves_what_stands_as_it_is_and_makes_anew_what_differs(self, store: Store) -> None:
        number, newer = came(store, 1), came(store, 2)
        route(store, number, fee("same"), fee("other"), fee("gone"), fee("refused"))
        carry(store, refuse=["refused"])
        assert store.replay([number, 99], told=TOLD) == [number]
        assert state(store, number) is MessageState.RECEIVED
        assert [one.id for one in store.unrouted(["charges"], 0, 9)] == [number, newer]
        assert store.gaps() == []
        route(store, number, fee("same"), fee("other", "2"), fee("refused"), fee("new"))
        assert effects(store, number) == [
            ("same", DeliveryState.DELIVERED),
            ("other", DeliveryState.REPLACED),
            ("gone", DeliveryState.DELIVERED),
            ("refused", DeliveryState.REPLACED),
            ("other", DeliveryState.DUE),
            ("refused", DeliveryState.DUE),
            ("new", DeliveryState.DUE),
        ]
        notes = {
            one.delivery.effect.key: one.note for one in store.deliveries(Query(limit=9), message_id=number)
        }
        assert "stands" in notes["gone"]
        assert carry(store) == ["other", "refused", "new"]
        view = store.messages(Query(ids=(number,)))[0]
        assert (view.state, view.effects, view.again) == (MessageState.DELIVERED, 5, 1)
        assert store.gaps() == []

    def test_a_replay_that_changes_nothing_carries_out_nothing_however_often(self, store: Store) -> None:
        number = came(store, 1)
        route(store, number, fee("a"), fee("b"))
        carry(store)
        for times in (1, 2, 3):
            assert store.replay([number], told=TOLD) == [number]
            route(store, number, fee("a"), fee("b"))
            assert carry(store) == []
            assert store.messages(Query(ids=(number,)))[0].again == times
        assert effects(store, number) == [("a", DeliveryState.DELIVERED), ("b", DeliveryState.DELIVERED)]
        assert state(store, number) is MessageState.DELIVERED
        assert store.gaps() == []

    def test_what_a_channel_makes_nothing_of_today_stands_where_it_stood(self, store: Store) -> None:
        stood, never = came(store, 1), came(store, 2)
        route(store, stood, fee("a"), fee("b"))
        route(store, never, fee("c"))
        carry(store, refuse=["b", "c"])
        store.replay([stood, never], told=TOLD)
        route(store, stood)
        route(store, never)
        assert (state(store, stood), state(store, never)) == (MessageState.DELIVERED, MessageState.FILTERED)
        assert effects(store, stood) == [("a", DeliveryState.DELIVERED), ("b", DeliveryState.REPLACED)]
        assert store.letters(Letters()) == store.gaps() == []

    def test_a_replay_that_cannot_be_mapped_is_a_dead_letter_that_is_routed_again(self, store: Store) -> None:
        number = came(store, 1)
        route(store, number, fee("a"), fee("b"))
        carry(store, refuse=["b"])
        store.replay([number], told=TOLD)
        store.route([Routing(number, Dead(UNKNOWN))], [], 400.0)
        assert state(store, number) is MessageState.DEAD
        assert resent(store, now=500.0) == [number]
        assert state(store, number) is MessageState.RECEIVED
        route(store, number, fee("a"), fee("b"))
        assert carry(store) == ["b"]
        assert state(store, number) is MessageState.DELIVERED
        assert store.gaps() == []

    def test_what_is_in_work_or_without_content_is_not_replayed_and_it_is_said_why(
        self, store: Store
    ) -> None:
        waiting, received, old, dead = (came(store, number) for number in range(1, 5))
        route(store, waiting, fee("a"))
        route(store, old)
        (twice,) = store.accept([_again(4)])
        store.route([Routing(dead, Dead(UNKNOWN))], [], 200.0)
        keep = Retention(content=1, dead=900, quarantine=900, duplicates=900)
        store.purge(keep, {}, 10 * DAY)
        assert store.replayable([waiting, received, old, dead, twice.id, 99]) == {
            waiting: "in-work", received: "in-work", old: "gone", dead: None, twice.id: "piece",
        }  # fmt: skip
        assert store.replay([waiting, received, old, dead, twice.id], told=TOLD) == [dead]

    def test_what_is_to_be_routed_anew_is_neither_sent_again_nor_skipped_meanwhile(
        self, store: Store
    ) -> None:
        _, refused = dead_letters(store)
        letters = store.letters(Letters(destination="odoo"))
        store.revise(refused, b"MSH|right", told=TOLD)
        assert store.resend(letters, now=400.0, told=TOLD) == store.skip(letters, told=TOLD) == []
        assert resent(store, refused, now=400.0) == []
        assert store.letters(Letters(destination="odoo")) == []
        assert [one.raw for one in store.unrouted(["charges"], 0, 9)] == [b"MSH|right"]

    def test_an_effect_is_not_carried_out_once_more_while_its_message_waits_for_another_word(
        self, store: Store
    ) -> None:
        number = came(store, 1)
        route(store, number, fee("a"))
        carry(store)
        (stands,) = store.deliveries(Query(), message_id=number)
        store.replay([number], told=TOLD)
        assert store.redo([stands.delivery.id], {}, now=400.0, told=TOLD) == []
        assert state(store, number) is MessageState.RECEIVED
        store.route([Routing(number, Dead(UNKNOWN))], [], 400.0)
        assert store.redo([stands.delivery.id], {}, now=400.0, told=TOLD) == []
        assert state(store, number) is MessageState.DEAD

    def test_a_correction_is_sealed_with_a_key_that_stays_though_it_is_purged_meanwhile(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = came(store, 1)
        store.route([Routing(number, Dead(UNKNOWN))], [], 200.0)
        keep = Retention(content=1, dead=900, quarantine=900, duplicates=900)
        seal, purged = Contents.seal, list[Purged]()

        def slow(self: Contents, *given: Any) -> tuple[str, bytes]:
            sealed = seal(self, *given)
            if not purged:
                purged.append(Purged(contents=0, renewed=0, forgotten=0, keys=()))
                purged[0] = store.purge(keep, {}, 10 * DAY)
            return sealed

        monkeypatch.setattr(Contents, "seal", slow)
        store.revise(number, b"MSH|right", told=TOLD)
        assert purged[0].keys  # the day's key went, between sealing and writing
        assert store.content(number) == b"MSH|right"
        assert store.revised(number, 0).startswith(b"MSH|charges|1")

    def test_what_stood_and_what_is_only_shadowed_since_is_in_order(self, store: Store) -> None:
        number = came(store, 1)
        route(store, number, fee("a"), fee("b"))
        carry(store)
        store.replay([number], told=TOLD)
        route(store, number, fee("a"), fee("b", "2"))
        (one,) = store.claim("odoo", Lane.NORMAL, 9, now=300.0, lease_until=400.0, holder="me")
        store.settle([Settlement(one.id, Shadowed({"would": "change"}))], now=310.0, holder="me")
        assert store.gaps() == []

    def test_what_stands_of_later_places_in_the_order_is_found(self, store: Store) -> None:
        first, second, elsewhere = (came(store, number) for number in range(1, 4))
        route(store, first, fee("a"))
        carry(store, refuse=["a"])
        credit = Credit(key="c", reverses="a", whole=True, when_unknown="ignore")
        route(store, second, credit)
        route(store, elsewhere, fee("z"), key="q")
        places = [Place(first * 1_000_000 + 1, "odoo", "p"), Place(elsewhere * 1_000_000 + 1, "odoo", "q")]
        assert store.later(places) == {}  # open still
        carry(store)
        ((number, (later,)),) = store.later(places).items()
        assert (number, later.message_id, later.effect) == (first * 1_000_000 + 1, second, credit)

    def test_a_corrected_message_keeps_its_place_its_name_and_what_it_said(self, store: Store) -> None:
        number, newer = came(store, 1, "wrong"), came(store, 2)
        store.route([Routing(number, Dead(UNKNOWN))], [], 200.0)
        before = store.content(number)
        assert store.revise(number, b"MSH|charges|1|right", told=TOLD) == 1
        again = store.unrouted(["charges"], 0, 9)
        assert [(one.id, one.raw) for one in again] == [
            (number, b"MSH|charges|1|right"),
            (newer, again[1].raw),
        ]
        (revision,) = store.revisions(number)
        assert (revision.revision, revision.at, revision.who, revision.why) == (1, 500.0, "duty", "mended")
        assert store.revised(number, 0) == before
        assert store.revised(number, 1) == store.content(number) == b"MSH|charges|1|right"
        (resent,) = store.accept([_again(1, "wrong")])
        assert resent.original == number
        assert store.gaps() == []

    def test_a_correction_of_a_correction_keeps_both(self, store: Store) -> None:
        number = came(store, 1, "one")
        for text in ("two", "three"):
            route(store, number)
            store.revise(number, f"MSH|charges|1|{text}".encode(), told=TOLD)
        texts = [store.revised(number, one).rpartition(b"|")[2] for one in range(3)]
        assert texts == [b"one", b"two", b"three"]
        with pytest.raises(KeyError):
            store.revised(number, 3)

    def test_a_correction_of_what_is_in_work_or_of_nothing_is_refused(self, store: Store) -> None:
        number = came(store, 1)
        with pytest.raises(Unacceptable, match="in-work"):
            store.revise(number, b"MSH|other", told=TOLD)
        route(store, number)
        with pytest.raises(Unacceptable, match="already"):
            store.revise(number, store.content(number), told=TOLD)
        with pytest.raises(KeyError):
            store.revise(99, b"MSH", told=TOLD)
        assert store.revisions(number) == []
        assert state(store, number) is MessageState.FILTERED

    def test_what_it_said_goes_with_the_content(self, store: Store) -> None:
        number, kept = came(store, 1, "one"), came(store, 2, "one")
        for one in (number, kept):
            route(store, one)
            store.revise(one, b"MSH|two", told=TOLD)
        route(store, number)
        store.route([Routing(kept, Dead(UNKNOWN))], [], 200.0)
        keep = Retention(content=1, dead=900, quarantine=900, duplicates=900)
        gone = store.purge(keep, {}, 10 * DAY)
        assert gone.keys  # the day's key is destroyed, and nothing that stays was sealed with it
        for revision in (0, 1):
            with pytest.raises(KeyError):
                store.revised(number, revision)
        assert store.revised(kept, 0).endswith(b"|one")
        assert store.revised(kept, 1) == store.content(kept) == b"MSH|two"
        assert store.revisions(number) == []

    def test_what_it_said_goes_with_the_person_that_it_named(self, store: Store) -> None:
        number = came(store, 1, "one")
        minted = NewToken(
            token="t1p_1", domain="p", lookups=(Lookup(bytes(16), "first"),), key_id="seal", sealed=b"sealed"
        )
        store.route([Routing(number, Filtered("no rule"))], [minted], 200.0)
        store.revise(number, b"MSH|two", told=TOLD)
        route(store, number)
        planned = store.erasable("t1p_1", [number])
        assert planned.messages == (number,)
        told = Entry(at=600.0, who="officer", role="operator", act=Act.ERASE, object="t1p_1")
        store.erase(Erasure("t1p_1", 600.0, "asked for", "", "officer"), planned, told)
        assert store.revisions(number) == []
        for revision in (0, 1):
            with pytest.raises(KeyError):
                store.revised(number, revision)


def _again(number: int, text: str = "") -> Arrival:
    raw = f"MSH|charges|{number}|{text}".encode()
    name = NAMES.of("charges", b"A", b"B", str(number).encode())
    return Arrival("charges", raw, name, NAMES.digest(raw), 700.0)
