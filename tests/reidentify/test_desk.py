"""The desk: limits, dual control, shown once, written down before it happens."""

from __future__ import annotations

import pytest
from reidentify.desk_kit import Kit, KitRow, person, token

from engine.errors import Unavailable
from engine.people.words import Limits, Role
from engine.privacy.tokens import ALPHABET
from engine.reidentify.limits import HOUR
from engine.reidentify.requests import APPROVE_WITHIN, COLLECT_WITHIN, MISSES, Request, Shown, State
from engine.reidentify.words import Denied, Purpose, Steps

MARIA, JON, EVA = person("maria"), person("jon"), person("eva")
ASKER, APPROVER = person("asker", Role.ASKER), person("approver", Role.APPROVER)


def refused(call: object, *args: object) -> str:
    with pytest.raises(Denied) as caught:
        call(*args)  # type: ignore[operator]
    return caught.value.why


def test_within_the_limits_the_answer_comes_at_once_and_after_the_audit() -> None:
    kit = Kit()
    shown = kit.ask(MARIA, 7)
    assert isinstance(shown, Shown)
    assert shown.identifier == "p\x1fhospital\x1fMR\x1f0000007"
    assert "0000007" not in repr(shown)
    assert kit.why() == ["asked", "shown"]
    assert kit.opened == [2]  # both steps stood when the seal was opened
    step = kit.steps[1]
    assert (step.who, step.role, step.token, step.purpose, step.ticket) == (
        "maria", "asker", token(7), "legal", "INC-1",
    )  # fmt: skip


def test_the_twenty_first_within_an_hour_waits_for_another_person() -> None:
    kit = Kit()
    for _ in range(20):
        assert isinstance(kit.ask(MARIA), Shown)
    request = kit.ask(MARIA, 5)
    assert isinstance(request, Request)
    assert request.state is State.WAITING
    assert len(kit.opened) == 20
    assert isinstance(kit.ask(JON), Shown)  # another person's hour
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "waiting"
    kit.desk.approve(JON, request.id, kit.now)
    assert kit.desk.collect(MARIA, request.id, kit.now).identifier.endswith("0000005")
    assert kit.why()[-2:] == ["approved", "shown"]
    shown = kit.steps[-1]
    assert (shown.who, shown.other, shown.request) == ("maria", "jon", request.id)


def test_the_hour_slides() -> None:
    kit = Kit()
    for _ in range(20):
        kit.ask(MARIA)
        kit.later(60)
    assert isinstance(kit.ask(MARIA), Request)
    kit.later(HOUR - 19 * 60 + 1)  # the first two are over; one waits, and counts too
    assert isinstance(kit.ask(MARIA), Shown)
    assert isinstance(kit.ask(MARIA), Request)


def test_an_answer_is_shown_once() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    kit.desk.approve(JON, request.id, kit.now)
    kit.desk.collect(MARIA, request.id, kit.now)
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "shown"
    assert len(kit.opened) == 21


def test_nobody_approves_his_own_request() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    assert refused(kit.desk.approve, MARIA, request.id, kit.now) == "own"
    assert kit.alarms == [("maria", "own")]
    assert kit.steps[-1].step is Steps.REFUSED
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "waiting"


def test_nobody_gets_the_answer_to_another_ones_request() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    kit.desk.approve(JON, request.id, kit.now)
    assert refused(kit.desk.collect, JON, request.id, kit.now) == "no-request"
    assert refused(kit.desk.collect, EVA, request.id, kit.now) == "no-request"


def test_of_two_approvers_one_is_first_and_a_decision_stands() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    kit.desk.approve(JON, request.id, kit.now)
    assert refused(kit.desk.approve, EVA, request.id, kit.now) == "decided"
    assert refused(kit.desk.decline, EVA, request.id, kit.now) == "decided"
    other = kit.waiting(MARIA)
    kit.desk.decline(EVA, other.id, kit.now)
    assert refused(kit.desk.approve, JON, other.id, kit.now) == "decided"
    assert refused(kit.desk.collect, MARIA, other.id, kit.now) == "declined"


@pytest.mark.parametrize("who", [person("neither", Role.APPROVER)])
def test_roles(who: object) -> None:
    kit = Kit()
    assert refused(kit.ask, who) == "role"
    request = kit.waiting(ASKER)
    assert refused(kit.desk.approve, person("other", Role.ASKER), request.id, kit.now) == "role"
    kit.desk.approve(APPROVER, request.id, kit.now)
    assert refused(kit.desk.collect, person("asker", Role.APPROVER), request.id, kit.now) == "role"


def test_who_sees_what_waits() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    assert [one.id for one in kit.desk.seen_by(MARIA, kit.now)] == [request.id]
    assert [one.id for one in kit.desk.seen_by(APPROVER, kit.now)] == [request.id]
    assert kit.desk.seen_by(ASKER, kit.now) == []
    kit.desk.approve(JON, request.id, kit.now)
    assert kit.desk.seen_by(APPROVER, kit.now) == []
    assert kit.desk.seen_by(MARIA, kit.now)[0].state is State.APPROVED


def test_what_nobody_approves_lapses_and_what_nobody_comes_for_too() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    kit.later(APPROVE_WITHIN)
    assert refused(kit.desk.approve, JON, request.id, kit.now) == "lapsed"
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "lapsed"
    request = kit.waiting(MARIA)
    kit.desk.approve(JON, request.id, kit.now)
    kit.later(COLLECT_WITHIN)
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "lapsed"
    assert [step.step for step in kit.steps].count(Steps.LAPSED) == 2
    kit.later(2 * HOUR)
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "no-request"


@pytest.mark.parametrize("jump", [-1e9, 1e9, -30, 0])
def test_setting_the_clock_changes_no_limit_and_no_end(jump: float) -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    kit.desk.approve(JON, request.id, kit.now)
    kit.later(COLLECT_WITHIN - 1, wall=jump)
    assert isinstance(kit.ask(MARIA), Request)
    assert isinstance(kit.desk.collect(MARIA, request.id, kit.now), Shown)


def test_p09_a_mistyped_token_never_reaches_the_vault_and_is_not_written_down() -> None:
    kit = Kit()
    good = token(3)
    swaps = [good[:at] + good[at + 1] + good[at] + good[at + 2 :] for at in range(4, 31)]
    singles = [good[:at] + letter + good[at + 1 :] for at in range(4, 32) for letter in ALPHABET[::7]]
    typed = [one for one in swaps + singles if one != good] + [
        "",
        "7654321",
        "DOE^JANE",
        good + " ",
        good.upper(),
    ]
    for text in typed:
        kit.anew()
        assert refused(kit.desk.ask, MARIA, text, Purpose.LEGAL, "INC-1", kit.now) == "malformed"
    assert kit.looked == 0
    assert all(step.token == "" for step in kit.steps)
    assert {step.why for step in kit.steps} == {"malformed"}


def test_guessing_raises_an_alarm_and_then_everything_needs_a_second_person() -> None:
    kit = Kit(known=1)
    for number in range(1, 1 + MISSES):
        assert kit.alarms == []
        assert refused(kit.ask, MARIA, number) == "unknown"
    assert kit.alarms == [("maria", "enumeration")]
    assert kit.steps[-1].step is Steps.ALARM
    assert isinstance(kit.ask(MARIA), Request)
    assert isinstance(kit.ask(JON), Shown)
    kit.later(HOUR)
    assert isinstance(kit.ask(MARIA), Shown)


def test_guessing_by_several_raises_an_alarm_too() -> None:
    kit = Kit(known=0)
    for number in range(2 * MISSES):
        refused(kit.ask, person(f"p{number}"), number)
    assert [why for _, why in kit.alarms] == ["enumeration"]


def test_what_is_unknown_counts_as_any_other_question() -> None:
    kit = Kit(Limits(alone=2), known=1)
    refused(kit.ask, MARIA, 9)
    refused(kit.ask, MARIA, 9)
    assert isinstance(kit.ask(MARIA), Request)


def test_an_hours_most_for_one_and_for_all() -> None:
    kit = Kit(Limits(alone=20, person=30, everybody=45))
    for _ in range(30):
        kit.ask(MARIA)
    with pytest.raises(Denied) as caught:
        kit.ask(MARIA)
    assert caught.value.why == "limit"
    assert caught.value.wait == pytest.approx(HOUR)
    assert refused(kit.ask, MARIA) == "limit"
    for _ in range(15):
        kit.ask(JON)
    assert refused(kit.ask, EVA) == "limit"
    assert kit.alarms == [("maria", "limit"), ("eva", "limit")]
    kit.later(HOUR)
    assert isinstance(kit.ask(MARIA), Shown)


def test_an_erased_person_stays_unknown_also_when_the_erasure_came_after_the_approval() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    kit.desk.approve(JON, request.id, kit.now)
    kit.rows[token(0)] = KitRow(None)
    assert refused(kit.desk.collect, MARIA, request.id, kit.now) == "erased"
    assert refused(kit.ask, JON) == "erased"
    assert len(kit.opened) == 20


def test_a_seal_that_does_not_open_is_written_down() -> None:
    kit = Kit()
    kit.rows[token(0)] = KitRow(b"")
    assert refused(kit.ask, MARIA) == "unreadable"
    assert kit.why() == ["asked", "shown", "refused:unreadable"]


def test_of_a_merged_token_the_survivor_is_named_not_shown() -> None:
    kit = Kit()
    kit.rows[token(0)] = KitRow(b"p\x1fh\x1fMR\x1f0000000", token(1))
    shown = kit.ask(MARIA)
    assert isinstance(shown, Shown)
    assert shown.merged_into == token(1)


def test_what_cannot_be_written_down_does_not_happen() -> None:
    kit = Kit()
    request = kit.waiting(MARIA)
    opened = len(kit.opened)
    kit.away = True
    for call in (
        lambda: kit.ask(JON),
        lambda: kit.desk.approve(JON, request.id, kit.now),
        lambda: kit.desk.decline(JON, request.id, kit.now),
    ):
        with pytest.raises(Unavailable):
            call()
    kit.away = False
    assert kit.desk.seen_by(JON, kit.now)[0].state is State.WAITING
    kit.desk.approve(JON, request.id, kit.now)
    kit.away = True
    with pytest.raises(Unavailable):
        kit.desk.collect(MARIA, request.id, kit.now)
    assert len(kit.opened) == opened
    kit.away = False
    kit.desk.collect(MARIA, request.id, kit.now)


def test_a_restart_forgives_nothing() -> None:
    kit = Kit(known=1)
    for _ in range(12):
        kit.ask(MARIA)
    for number in range(1, MISSES):
        refused(kit.ask, JON, number)
    kit.later(600)
    kit.anew().restore(list(kit.steps), kit.now)
    for _ in range(8):
        assert isinstance(kit.ask(MARIA), Shown)
    assert isinstance(kit.ask(MARIA), Request)
    refused(kit.ask, JON, 9)
    assert kit.alarms == [("jon", "enumeration")]
    kit.later(HOUR - 599)
    assert isinstance(kit.ask(EVA), Shown)


def test_a_restart_ends_what_waited_and_says_so() -> None:
    kit = Kit()
    request, answered = kit.waiting(MARIA), kit.waiting(MARIA, 1)
    kit.desk.approve(JON, answered.id, kit.now)
    kit.desk.collect(MARIA, answered.id, kit.now)
    kit.anew().restore(list(kit.steps), kit.now)
    assert refused(kit.desk.approve, JON, request.id, kit.now) == "no-request"
    lapsed = kit.steps[-1]
    assert (lapsed.step, lapsed.request, lapsed.why) == (Steps.LAPSED, request.id, "restart")
    before = len(kit.steps)
    kit.anew().restore(list(kit.steps), kit.now)  # and once only
    assert len(kit.steps) == before


def test_a_clock_set_back_before_a_restart_forgives_nothing_either() -> None:
    kit = Kit()
    for _ in range(20):
        kit.ask(MARIA)
    kit.later(10, wall=-2 * HOUR)
    kit.anew().restore(list(kit.steps), kit.now)
    assert isinstance(kit.ask(MARIA), Request)
    kit.later(HOUR)  # and counts no longer than from the restart on
    assert isinstance(kit.ask(MARIA), Shown)
