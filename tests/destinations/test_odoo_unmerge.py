"""Unmerge against a real Odoo: exactly what the merge moved goes back, whenever either of them was killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import msgspec
import pytest
from odoo_desk import Desk, Killed, Mirror, item

from demo.session import Session
from engine.effects import Charge, Effect, Encounter, Merge, Reserve, TokenKind, Unmerge
from engine.model import Delivered, Delivery

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

_runs = count(1)
Prepare = Callable[[str], Sequence[Effect]]


def persons(k: str) -> Sequence[Effect]:
    """Two persons with visits, something billed and something reserved, one for the person alone."""
    return (
        Encounter(key=f"{k}V1", subject=f"{k}1", state="open"),
        Encounter(key=f"{k}V2", subject=f"{k}2", state="open"),
        Encounter(key=f"{k}V3", subject=f"{k}1", state="closed"),
        Charge(key=f"{k}c", encounter=f"{k}V1", subject=f"{k}1", item=item("LAB-CBC", 1)),
        Reserve(key=f"{k}r", subject=f"{k}1", items=(item("GLV-M", 1),), destination="WH/Theatre/OR1"),
    )


def visits(k: str) -> Sequence[Effect]:
    """Two visits of one person, with a draft order and a reservation each."""
    place = "WH/Theatre/OR1"
    return (
        Encounter(key=f"{k}1", subject=f"{k}P", state="open"),
        Encounter(key=f"{k}2", subject=f"{k}P", state="open"),
        Charge(key=f"{k}c1", encounter=f"{k}1", item=item("LAB-CBC", 1)),
        Charge(key=f"{k}c2", encounter=f"{k}2", item=item("LAB-CBC", 2)),
        Reserve(key=f"{k}r1", encounter=f"{k}1", items=(item("GLV-M", 1),), destination=place),
        Reserve(key=f"{k}r2", encounter=f"{k}2", items=(item("GLV-M", 2),), destination=place),
    )


KINDS: dict[TokenKind, Prepare] = {"person": persons, "visit": visits}


class Story:
    """What stands, a merge of 1 into 2, and that merge taken back."""

    def __init__(self, desk: Desk, mirror: Mirror, kind: TokenKind) -> None:
        self.key, self.kind, self.desk, self._mirror = f"u{next(_runs):03}k", kind, desk, mirror

    def merge(self, gone: int = 1, into: int = 2) -> Delivery:
        a, b = f"{self.key}{gone}", f"{self.key}{into}"
        return self.desk.batch(Merge(key=f"merge/{a}/{b}", kind=self.kind, gone=a, into=b))[0]

    def unmerge(self, merge: Delivery) -> Delivery:
        """The delivery that takes it back, as the store makes it: with what the merge wrote down."""
        one: Any = merge.effect
        effect = Unmerge(key=f"un{one.key}/1", kind=self.kind, gone=one.gone, into=one.into)
        (made,) = self.desk.batch(effect)
        self.desk.progress[made.id] = dict(self.desk.progress.get(merge.id, {}))
        return made

    def deliver(self, delivery: Delivery, step: Callable[[str], None] | None = None) -> Delivered:
        (outcome,) = self.desk.deliver([delivery], step)
        assert isinstance(outcome, Delivered), outcome
        return outcome

    def killed(self, delivery: Delivery, point: int) -> None:
        """Die at a fault point."""
        passed = count(0)

        def step(_: str) -> None:
            if next(passed) == point:
                raise Killed

        with pytest.raises(Killed):
            self.desk.deliver([delivery], step)

    def stands(self) -> dict[str, Any]:
        return self._mirror.snapshot(self.key)


def told(desk: Desk, mirror: Mirror, kind: TokenKind, amount: int = 1) -> list[Story]:
    """So many stories of a kind, what stands before delivered in one batch."""
    stories = [Story(desk, mirror, kind) for _ in range(amount)]
    desk.done(*(effect for story in stories for effect in KINDS[kind](story.key)))
    return stories


def points(story: Story, delivery: Delivery) -> list[int]:
    """Deliver undisturbed; after which calls something may be different."""
    passed: list[str] = []
    story.deliver(delivery, passed.append)
    return [at for at, step in enumerate(passed) if step.startswith("after") and "read" not in step]


@pytest.mark.parametrize("kind", KINDS)
def test_a_merge_taken_back_leaves_what_there_was(desk: Desk, mirror: Mirror, kind: TokenKind) -> None:
    (story,) = told(desk, mirror, kind)
    before = story.stands()
    merge = story.merge()
    story.deliver(merge)
    merged = story.stands()
    assert merged != before
    back = story.unmerge(merge)
    answer = story.deliver(back)
    assert story.stands() == before
    assert answer.note == ""
    assert "res.partner" in answer.documents
    story.deliver(back)
    assert story.stands() == before
    again = story.merge()  # it was right after all
    story.deliver(again)
    assert story.stands() == merged


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_call_of_either_it_leaves_what_there_was(
    desk: Desk, mirror: Mirror, kind: TokenKind
) -> None:
    (first,) = told(desk, mirror, kind)
    before, merge = first.stands(), first.merge()
    merging = points(first, merge)
    unmerging = points(first, first.unmerge(merge))
    assert min(len(merging), len(unmerging)) >= 3
    stories = iter(told(desk, mirror, kind, len(merging) + len(unmerging)))
    for point in merging:  # the merge dies half-way and is never begun again: what it did goes back
        story = next(stories)
        half = story.merge()
        story.killed(half, point)
        story.deliver(story.unmerge(half))
        assert story.stands() == before, point
    for point in unmerging:  # the merge is begun again after it died, then taken back, which dies too
        story = next(stories)
        merge = story.merge()
        story.killed(merge, merging[min(point, len(merging) - 1)])
        story.deliver(merge)
        back = story.unmerge(merge)
        story.killed(back, point)
        story.deliver(back)
        assert story.stands() == before, point


def test_what_has_gone_on_since_stays_and_is_told(desk: Desk, admin: Session, mirror: Mirror) -> None:
    (story,) = told(desk, mirror, "visit")
    merge = story.merge()
    orders = story.deliver(merge).documents["sale.order"]
    admin.call("sale.order", "action_confirm", [int(orders)])
    answer = story.deliver(story.unmerge(merge))
    assert answer.note == "1 of what it moved have gone on since and stay where they are"
    gone, into = f"{story.key}1", f"{story.key}2"
    assert [order[:2] for order in mirror.orders(story.key)] == [[into, "draft"], [into, "sale"]]
    assert {row[0]: row[5].rpartition(" ")[2] for row in mirror.transfers(story.key)} == {
        f"{story.key}r1": gone, f"{story.key}r2": into,
    }  # fmt: skip


def test_of_a_chain_of_merges_the_wrong_one_is_taken_out(desk: Desk, mirror: Mirror) -> None:
    """1 into 2, 2 into 3: either may have been the wrong one."""

    def chained() -> tuple[Story, list[Delivery]]:
        (story,) = told(desk, mirror, "person")
        story.desk.one(Encounter(key=f"{story.key}V4", subject=f"{story.key}3", state="open"))
        both = [story.merge(1, 2), story.merge(2, 3)]
        for one in both:
            story.deliver(one)
        return story, both

    def below(story: Story) -> dict[str, tuple[bool, str]]:
        size = len(story.key)
        return {row[0][size:]: (row[2], row[3][size:]) for row in mirror.contacts(story.key)}

    story, (first, second) = chained()
    story.deliver(story.unmerge(first))
    assert below(story) == {
        "1": (True, ""), "2": (False, "3"), "3": (True, ""),
        "V1": (True, "1"), "V2": (True, "3"), "V3": (True, "1"), "V4": (True, "3"),
    }  # fmt: skip
    story.deliver(story.unmerge(second))
    assert below(story) == {
        "1": (True, ""), "2": (True, ""), "3": (True, ""),
        "V1": (True, "1"), "V2": (True, "2"), "V3": (True, "1"), "V4": (True, "3"),
    }  # fmt: skip
    story, (first, second) = chained()
    story.deliver(story.unmerge(second))
    assert below(story) == {
        "1": (False, "2"), "2": (True, ""), "3": (True, ""),
        "V1": (True, "2"), "V2": (True, "2"), "V3": (True, "2"), "V4": (True, "3"),
    }  # fmt: skip
    story.deliver(story.unmerge(first))
    assert below(story)["V1"] == (True, "1")
    assert below(story)["1"] == (True, "")


def test_where_nothing_was_moved_or_written_down_it_says_so(desk: Desk, mirror: Mirror) -> None:
    (story,) = told(desk, mirror, "person")
    merge = story.merge()
    story.deliver(merge)
    story.desk.progress.clear()  # as an older version left it
    answer = story.deliver(story.unmerge(merge))
    assert "did not write it down" in answer.note
    assert mirror.contacts(f"{story.key}1")[0][2:4] == [True, ""]
    unknown = msgspec.structs.replace(
        story.merge(), effect=Merge(key="x", kind="person", gone=f"{story.key}8", into=f"{story.key}9")
    )
    assert "nothing stood" in story.deliver(story.unmerge(unknown)).note
