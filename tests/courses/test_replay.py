"""Batches of messages applied to kept courses: what each comes to, and what is kept."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from courses.course_words import OTHER, PERSON, VISIT, slot, visit

from engine.courses.memory import CourseMemory
from engine.courses.replay import CourseRule, Replay
from engine.effects import Charge, Effect, Encounter, Item, Merge, Release, Reserve, kind_of
from engine.model import CourseEvent, CourseRow, Dead, Filtered, ReasonCode, Routed, Routing, Said
from engine.tokens import TokenMerge

ADT = CourseRule("encounter", "adt")
SIU = CourseRule("appointment", "siu")
A01, A03 = visit("A01", 10, "ICU", kit="BED"), visit("A03", 50, "ICU")
BILL = Charge(key="c", encounter=VISIT, item=Item("GLV-M", 1))


def say(memory: CourseMemory, *events: CourseEvent, rule: CourseRule = ADT, key: str = VISIT) -> list[Any]:
    """What messages of one batch, each with one event, come to."""
    return batch(memory, *(Routed((), "", (), (), (Said(key, event),)) for event in events), rule=rule)


def batch(memory: CourseMemory, *results: Any, rule: CourseRule = ADT, again: bool = False) -> list[Any]:
    """A batch through a replay, kept; `again`: of messages that were routed before."""
    routings = [Routing(number, result, said=again) for number, result in enumerate(results, 1)]
    replay = Replay(rule.space, rule.of, memory, routings)
    said = [replay.apply(one, rule).result for one in routings]
    merges = [merge for one in said if isinstance(one, Routed) for merge in one.merges]
    memory.keep(replay.rows(), merges)
    return said


def words(result: Any) -> list[str]:
    """Effects in few words."""
    return [_word(effect) for effect in result.effects]


def _word(effect: Effect) -> str:
    if isinstance(effect, Encounter):
        return f"{effect.state} {effect.location}".strip()
    if isinstance(effect, Reserve):
        return f"+{effect.items[0].code}"
    return f"-{effect.key}" if isinstance(effect, Release) else kind_of(effect)


@pytest.mark.parametrize("together", [True, False])
def test_only_differences_become_effects(together: bool) -> None:
    memory = CourseMemory()
    events = [A01, visit("A08", 20), visit("A02", 30, "3A"), visit("A08", 15), A03, A03, visit("A13", 60)]
    said = say(memory, *events) if together else [one for event in events for one in say(memory, event)]
    assert [one.step if isinstance(one, Filtered) else words(one) for one in said] == [
        ["open ICU", "+BED"],
        "nothing-new",
        ["open 3A", f"-adt/{VISIT}/kit"],
        "older-than-what-stands",
        ["closed 3A"],
        "already-known",
        ["open 3A"],
    ]


def test_a_late_message_tells_what_it_changes_for_all_that_came_after() -> None:
    memory = CourseMemory()
    assert words(say(memory, A03)[0]) == ["closed ICU"]
    assert say(memory, A01) == [Filtered("older-than-what-stands")]
    assert words(say(memory, visit("A13", 60))[0]) == ["open ICU", "+BED"]


def test_effects_that_happen_once_go_their_way() -> None:
    memory = CourseMemory()
    routed = Routed((BILL,), "k", (), (), (Said(VISIT, A01),))
    assert [words(one) for one in batch(memory, routed, routed)] == [
        ["charge", "open ICU", "+BED"],
        ["charge"],
    ]
    assert batch(memory, Filtered("x"), Routed((BILL,))) == [Filtered("x"), Routed((BILL,))]


@pytest.mark.parametrize(
    ("trigger", "step"), [("A10", "whereabouts-only"), ("A16", "plan-only"), ("A23", "record-deletion")]
)
def test_events_without_effect_are_named_and_not_remembered(trigger: str, step: str) -> None:
    memory = CourseMemory()
    assert say(memory, visit(trigger, 5)) == [Filtered(step)]
    assert memory.courses("adt", [VISIT]) == []


def test_one_message_about_two_visits_is_an_event_of_each() -> None:
    memory = CourseMemory()
    say(memory, A01)
    say(memory, visit("A01", 10, "3A", key=OTHER), key=OTHER)
    swap = (Said(VISIT, visit("A17", 20, "3A"), "p1"), Said(OTHER, visit("A17", 20, "ICU", key=OTHER), "p2"))
    (said,) = batch(memory, Routed((), "", (), (), swap))
    assert words(said) == ["open 3A", f"-adt/{VISIT}/kit", "open ICU"]
    assert said.sequence_keys == ("p1", "p1", "p2")


def test_unknown_dead_and_late_dead_are_for_people_and_change_nothing() -> None:
    memory = CourseMemory()
    strict = CourseRule("encounter", "adt", "dead", "dead")
    (said,) = say(memory, A03, rule=strict)
    assert isinstance(said, Dead)
    assert said.reason.code == ReasonCode.UNKNOWN_REFERENCE
    assert memory.courses("adt", [VISIT]) == []
    said = say(memory, A01, A03, visit("A02", 20, "3A"), A01, rule=strict)
    assert isinstance(said[2], Dead)
    assert said[2].reason.code == ReasonCode.CONFLICT
    assert said[3] == Filtered("already-known")
    assert words(say(memory, visit("A13", 60), rule=strict)[0]) == ["open ICU", "+BED"]


def test_a_dead_half_of_a_swap_leaves_the_other_half_alone() -> None:
    memory = CourseMemory()
    strict = CourseRule("encounter", "adt", "dead")
    say(memory, A01, rule=strict)
    swap = (Said(VISIT, visit("A17", 20, "3A"), "p1"), Said(OTHER, visit("A17", 20, "ICU", key=OTHER), "p2"))
    (said,) = batch(memory, Routed((), "", (), (), swap), rule=strict)
    assert isinstance(said, Dead)
    assert say(memory, visit("A08", 30), rule=strict) == [Filtered("nothing-new")]


def test_what_the_rules_release_goes_out_for_what_was_never_heard_of() -> None:
    """Odoo may hold what was reserved before the engine kept courses."""
    memory = CourseMemory()
    cancelled = slot("S15", 20, gone=("*",))
    assert words(say(memory, cancelled, rule=SIU)[0]) == [f"-siu/{VISIT}/*"]
    assert say(memory, slot("S12", 10, "1"), rule=SIU) == [Filtered("older-than-what-stands")]


@pytest.mark.parametrize("together", [True, False])
def test_visits_that_are_one_go_on_as_one(together: bool) -> None:
    """What was reserved under the number that is gone is wanted under the one that stays."""
    memory = CourseMemory()
    first = Routed((), "", (), (), (Said(OTHER, visit("A01", 10, "3A", kit="BED", key=OTHER)),))
    merge = Merge(key="m", kind="visit", gone=OTHER, into=VISIT)
    second = Routed((merge,), "", (TokenMerge(OTHER, VISIT),))
    results = [first, second] if together else []
    said = batch(memory, *results) or [*batch(memory, first), *batch(memory, second)]
    assert words(said[0]) == ["open 3A", "+BED"]
    assert words(said[1]) == ["merge", "open 3A", f"-adt/{OTHER}/kit", "+BED"]
    assert said[1].effects[1].key == VISIT
    assert [row.key for row in memory.courses("adt", [VISIT, OTHER])] == [VISIT]
    assert words(say(memory, A03)[0]) == ["closed 3A", f"-adt/{VISIT}/kit"]


def test_a_merge_told_elsewhere_is_found_with_the_next_message() -> None:
    memory = CourseMemory()
    say(memory, visit("A01", 10, "3A", kit="BED", key=OTHER), key=OTHER)
    memory.keep([], [TokenMerge(OTHER, VISIT)])
    assert words(say(memory, visit("A02", 20, "ICU"))[0]) == ["open ICU", f"-adt/{OTHER}/kit"]


def test_merge_before_and_after_come_to_the_same() -> None:
    """The one number is gone before its messages come, or after."""
    merge = Routed((Merge(key="m", kind="visit", gone=OTHER, into=VISIT),), "", (TokenMerge(OTHER, VISIT),))
    after, before = CourseMemory(), CourseMemory()
    batch(after, Routed((), "", (), (), (Said(OTHER, visit("A01", 10, "3A", kit="BED", key=OTHER)),)))
    say(after, visit("A02", 20, "ICU"))
    batch(after, merge)
    batch(before, merge)
    say(before, visit("A02", 20, "ICU"), visit("A01", 10, "3A", kit="BED"))
    (one,), (two,) = (memory.courses("adt", [VISIT]) for memory in (after, before))
    assert one.body == two.body


@pytest.mark.parametrize("together", [True, False])
def test_what_was_said_with_a_number_that_is_gone_is_known_with_the_other(together: bool) -> None:
    """In the batch of the merge too."""
    memory = CourseMemory()
    old = PERSON[:-1] + "9"
    first = Routed((), "", (), (), (Said(VISIT, visit("A02", 10, "ICU", person=old)),))
    merge = Routed((Merge(key="m", kind="person", gone=old, into=PERSON),), "", (TokenMerge(old, PERSON),))
    again = Routed((), "", (), (), (Said(VISIT, visit("A02", 10, "ICU")),))
    said = (
        batch(memory, first, merge, again)
        if together
        else [batch(memory, one)[0] for one in (first, merge, again)]
    )
    encounter = said[2].effects[0] if isinstance(said[2], Routed) else None
    assert said[2] == Filtered("already-known") or encounter.subject == PERSON
    (row,) = memory.courses("adt", [VISIT])
    assert len(msgspec.json.decode(row.body)["events"]) == 1


def test_a_damaged_course_is_for_people() -> None:
    class Broken(CourseMemory):
        def courses(self, space: str, keys: Any) -> list[CourseRow]:
            return [CourseRow(space, VISIT, 3, b"")]

    (said,) = say(Broken(), A01)
    assert isinstance(said, Dead)
    assert said.reason.code == ReasonCode.INTERNAL


def test_a_course_stands_while_something_of_it_does() -> None:
    memory = CourseMemory()
    say(memory, A01)
    assert memory.courses("adt", [VISIT])[0].stands
    say(memory, A03)
    assert not memory.courses("adt", [VISIT])[0].stands


def test_nothing_kept_says_more_than_tokens_and_codes() -> None:
    memory = CourseMemory()
    say(memory, A01)
    (row,) = memory.courses("adt", [VISIT])
    decoded = msgspec.json.decode(row.body)
    assert set(decoded) == {"events", "now", "base", "horizon"}
    assert decoded["events"][0][:3] == [10_000_000, 10_000_000, "A01"]


def say_again(memory: CourseMemory, event: CourseEvent, rule: CourseRule = ADT) -> Any:
    """What a message that was routed before comes to when it is put through its channel again."""
    (result,) = batch(memory, Routed((), "", (), (), (Said(VISIT, event),)), rule=rule, again=True)
    return result


def test_what_a_replay_says_takes_the_place_of_what_the_message_said() -> None:
    memory = CourseMemory()
    say(memory, A01, visit("A08", 20))
    assert words(say_again(memory, visit("A01", 10, "ICU", kit="LAMP"))) == ["+LAMP"]
    again = say_again(memory, visit("A01", 10, "ICU", kit="LAMP"))
    assert (type(again), again.step) == (Filtered, "already-known")
    assert words(say_again(memory, visit("A01", 10, "3A", kit="LAMP"))) == ["open 3A", "+LAMP"]


def test_a_replay_of_what_was_overtaken_changes_what_stands_only_where_it_counts() -> None:
    memory = CourseMemory()
    say(memory, A01, visit("A02", 30, "3A"), A03)
    assert say_again(memory, visit("A01", 10, "ICU", kit="LAMP")).step == "older-than-what-stands"
    assert words(say(memory, visit("A13", 60))[0]) == ["open 3A"]


def test_of_two_messages_of_one_moment_neither_takes_the_place_of_the_other() -> None:
    memory = CourseMemory()
    say(memory, A01, visit("A08", 20, kit="LAMP"), visit("A08", 20, kit="BED"))
    say_again(memory, visit("A08", 20, kit="CHAIR"))
    (row,) = memory.courses("adt", [VISIT])
    assert all(word in row.body for word in (b"LAMP", b"CHAIR"))


def test_a_dead_letter_that_is_healed_takes_nobodys_place() -> None:
    memory = CourseMemory()
    say(memory, A01, visit("A08", 20, kit="LAMP"), visit("A08", 20, kit="BED"))
    (row,) = memory.courses("adt", [VISIT])
    assert all(word in row.body for word in (b"LAMP", b"BED"))


def test_a_channel_that_refuses_what_is_late_takes_a_replay_of_what_it_knows() -> None:
    memory, strict = CourseMemory(), CourseRule("encounter", "adt", late="dead")
    say(memory, A01, visit("A08", 20), rule=strict)
    assert words(say_again(memory, visit("A01", 10, "ICU", kit="LAMP"), strict)) == ["+LAMP"]
