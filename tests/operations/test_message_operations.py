"""Messages are looked for, found by a number, and tell their story; every look at content is in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.store_contract import RING
from fhir_channel import channel_in
from merging_hospital import Hospital
from operations.duty_desk import NOW, PID, PV1, Duty, caller, duties

from engine.accounts.words import Role
from engine.auditing import Act
from engine.errors import Misconfigured
from engine.model import Arrival, DeliveryState, MessageState, Reason, ReasonCode, Refused
from engine.operations.contents import OPEN, READ, Opening, Reading
from engine.operations.messages import FIND, SEARCH, SHOW, Find, Found, Listed, Search
from engine.operations.operation import Desk, Forbidden, NotThere, entry, perform
from engine.operations.story import Asked, Story
from engine.settings import Settings

OPERATOR, VIEWER = caller(), caller(Role.VIEWER)
LOCKED = Reason(ReasonCode.CONFLICT, "the order is locked", "sale.order")


@pytest.fixture
def duty(tmp_path: Path) -> Iterator[Duty]:
    yield from duties(tmp_path)


def search(duty: Duty, **asked: object) -> Listed:
    return perform(duty.desk, VIEWER, SEARCH, Search(**asked))  # type: ignore[arg-type]


def ids(listed: Listed | Found) -> list[int]:
    return [view.id for view in listed.messages]


def find(duty: Duty, value: str, **asked: object) -> Found:
    return perform(duty.desk, OPERATOR, FIND, Find(value=value, **asked))  # type: ignore[arg-type]


def show(duty: Duty, number: int) -> Story:
    return perform(duty.desk, VIEWER, SHOW, Asked(number))


def test_a_page_says_where_the_next_begins(duty: Duty) -> None:
    every = [duty.admit(visit=f"V{number}") for number in range(5)]
    first = search(duty, limit=2)
    assert (ids(first), first.next) == (every[:2:-1], every[3])
    second = search(duty, limit=2, before=first.next)
    last = search(duty, limit=2, before=second.next)
    assert (ids(second), ids(last), last.next) == ([every[2], every[1]], [every[0]], 0)


def test_messages_are_told_apart_by_what_is_asked(duty: Duty) -> None:
    waiting, dead, refused = duty.admit(), duty.broken(), duty.refused()
    assert ids(search(duty, state="waiting")) == [waiting]
    assert ids(search(duty, type="ADT^A41")) == [dead]
    assert ids(search(duty, since="2m")) == [refused]
    assert ids(search(duty, code="missing-field", place="PID-3")) == [refused]
    assert ids(search(duty, channel="nothing")) == []


@pytest.mark.parametrize(
    "asked", [{"state": "lost"}, {"since": "yesterday"}, {"code": "x"}, {"about": 'a"b'}]
)
def test_what_is_asked_wrongly_is_said(duty: Duty, asked: dict[str, str]) -> None:
    with pytest.raises(Misconfigured) as refusal:
        search(duty, **asked)
    assert refusal.value.where == next(iter(asked))


def test_a_control_id_finds_its_message_whoever_sent_it(duty: Duty) -> None:
    duty.deploy()
    first, second, refused = duty.admit(), duty.admit(visit="V2"), duty.refused("R1")
    again = duty.hospital.store_only("ADT^A01", PID.format("7"), PV1.format("V1"))
    assert ids(search(duty, control_id="2")) == [second]
    found = search(duty, control_id=" R1 ")
    assert (ids(found), found.senders) == ([refused], 1)
    assert ids(search(duty, control_id="2", application="HIS", facility="GENERAL")) == [second]
    assert ids(search(duty, control_id="2", application="LAB")) == []
    assert ids(search(duty, control_id="2", channel="dft-charges")) == []
    assert ids(search(duty, control_id="1")) == [first]
    duty.hospital.route()
    assert again


def test_a_correlation_id_finds_its_message(duty: Duty) -> None:
    number = duty.admit()
    text = duty.hospital.view(number).correlation
    assert ids(search(duty, correlation=f" {text.upper()} ")) == [number]
    assert ids(search(duty, correlation=text[:-1] + "x")) == ids(search(duty, correlation="nothing")) == []


def test_an_effect_or_a_document_finds_its_message(duty: Duty) -> None:
    number = duty.admit()
    assert duty.settle() == 1
    (effect,) = show(duty, number).effects
    assert ids(search(duty, about=effect.key)) == ids(search(duty, about="42", since="20h")) == [number]
    assert ids(search(duty, about=effect.key, state="dead")) == ids(search(duty, about="4")) == []


def test_a_number_finds_its_messages_and_is_audited_as_a_token(duty: Duty) -> None:
    first, second = duty.admit(), duty.admit(visit="V2")
    duty.admit("8")
    found = find(duty, " 7 ", why="a ward asks", ticket="T-1")
    token = duty.hospital.person("7")
    assert (ids(found), found.total, found.tokens) == ([second, first], 2, (token,))
    assert ids(find(duty, "7", limit=1)) == [second]
    assert ids(find(duty, token, kind="token")) == [second, first]
    entry = duty.audited(Act.SEARCH)[0]
    assert (entry.who, entry.object, entry.why, entry.ticket) == ("dora", token, "a ward asks", "T-1")
    assert entry.detail["shown"].split() == [str(second), str(first)]
    assert "7" not in entry.detail.values()


def test_a_number_that_nobody_named_finds_nothing_and_is_audited(duty: Duty) -> None:
    assert find(duty, "12345").messages == ()
    assert [entry.object for entry in duty.audited(Act.SEARCH)] == ["unknown mrn"]


@pytest.mark.parametrize(
    "asked", [{"value": " "}, {"value": "x", "kind": "token"}, {"value": "1", "authority": "?"}]
)
def test_what_is_no_number_is_refused(duty: Duty, asked: dict[str, str]) -> None:
    duty.admit()
    with pytest.raises(Misconfigured):
        find(duty, **asked)


def test_a_viewer_may_not_look_for_persons_and_that_is_recorded(duty: Duty) -> None:
    with pytest.raises(Forbidden):
        perform(duty.desk, VIEWER, FIND, Find(value="7"))
    (entry,) = duty.audited(Act.FORBID)
    assert (entry.who, entry.object, entry.outcome) == ("dora", "operation:messages.find", "refused")


def test_the_story_of_a_delivered_message(duty: Duty) -> None:
    edition = duty.deploy()
    number = duty.admit()
    duty.settle()
    story = show(duty, number)
    assert (story.message.state, story.answer.code, story.open) == (MessageState.DELIVERED, "AA", 0)
    assert story.channel.business
    assert story.channel.technical
    assert story.channel.description
    (effect,) = story.effects
    (document,) = effect.documents
    assert (document.kind, document.id) == ("sale.order", "42")
    assert document.url == "https://odoo.example/mail/view?model=sale.order&res_id=42"
    assert (effect.kind, effect.state, effect.attempts) == ("encounter", DeliveryState.DELIVERED, 1)
    assert effect.after is not None
    assert effect.after > 0
    assert story.tokens == (effect.sequence_key,)
    assert story.has_content
    assert edition == 1


def test_the_story_of_one_that_waits_names_the_one_before(duty: Duty) -> None:
    first, second = duty.admit(), duty.admit(visit="V2")
    assert [one.behind for one in show(duty, second).effects] == [first]
    assert [one.behind for one in show(duty, first).effects] == [0]
    assert show(duty, second).open == 1


def test_the_story_of_a_dead_letter_and_of_a_refusal(duty: Duty) -> None:
    dead, refused, number = duty.broken(), duty.refused(), duty.admit()
    duty.settle(Refused(LOCKED))
    assert show(duty, dead).message.reason is not None
    assert show(duty, dead).answer.errors == ()  # its sender was told AA
    answer = show(duty, refused).answer
    assert (answer.code, [(one.hl7, one.words, one.place) for one in answer.errors]) == (
        "AE", [(101, "Required field missing", "PID-3")],
    )  # fmt: skip
    (effect,) = show(duty, number).effects
    assert (effect.state, effect.reason) == (DeliveryState.DEAD, LOCKED)


def test_a_resend_and_its_original_name_each_other(duty: Duty) -> None:
    number = duty.admit()
    again = duty.resend(number)
    story = show(duty, again)
    assert story.original is not None
    assert story.original.id == number
    assert (story.answer.code, story.has_content) == ("AA", False)
    assert [view.id for view in show(duty, number).repeats] == [again]


def test_nothing_is_told_of_a_message_that_is_not_there(duty: Duty) -> None:
    with pytest.raises(NotThere):
        show(duty, 99)
    with pytest.raises(NotThere):
        perform(duty.desk, VIEWER, READ, Reading(id=99))
    assert duty.audited(Act.LOOK) == []


def test_content_is_masked_for_everybody_and_the_look_is_audited(duty: Duty) -> None:
    duty.deploy()
    number = duty.admit()
    content = perform(duty.desk, VIEWER, READ, Reading(id=number))
    assert content.masked
    assert not content.text
    shown = {line.path: line.value for line in content.lines}
    assert "TESTMANN" not in str(shown)
    assert shown["MSH-9.1"] == "ADT"
    assert content.treatments["keep"] > 3
    (look,) = duty.audited(Act.LOOK)
    assert (look.who, look.object, look.detail["told"]) == ("dora", f"message:{number}", "masked")


def test_content_is_opened_with_a_reason_by_those_who_may(duty: Duty) -> None:
    number = duty.admit()
    with pytest.raises(Forbidden):
        perform(duty.desk, caller(Role.ANALYST), OPEN, Opening(id=number, why="curious"))
    with pytest.raises(Misconfigured):
        perform(duty.desk, OPERATOR, OPEN, Opening(id=number, why="  "))
    assert duty.audited(Act.LOOK) == []
    content = perform(duty.desk, OPERATOR, OPEN, Opening(id=number, why="the ward asks", ticket="T-2"))
    assert "TESTMANN" in content.text
    assert content.text.startswith("MSH|")
    assert "\r" not in content.text
    assert not content.masked
    (look,) = duty.audited(Act.LOOK)
    assert (look.why, look.ticket, look.detail["told"]) == ("the ward asks", "T-2", "identifying")


def test_what_cannot_be_read_says_why_and_is_shown_only_opened(duty: Duty) -> None:
    arrival = Arrival("adt-encounters", b"no message", b"f" * 16, b"d" * 16, 1.0, "error", LOCKED)
    number = duty.store.accept([arrival])[0].id
    masked = perform(duty.desk, VIEWER, READ, Reading(id=number))
    assert masked.unreadable
    assert not masked.lines
    assert not masked.text
    assert perform(duty.desk, OPERATOR, OPEN, Opening(id=number, why="to see it")).text == "no message"


def test_a_corrected_message_shows_what_it_says_and_what_it_said(duty: Duty) -> None:
    number = duty.admit()
    duty.settle()
    told = entry(duty.desk, OPERATOR, Act.EDIT, f"message:{number}", why="the given name was wrong")
    content = duty.store.content(number).replace(b"TESSA", b"TINA")
    assert duty.store.revise(number, content, told=told) == 1
    duty.hospital.route()
    story = show(duty, number)
    assert [(one.revision, one.who, one.why) for one in story.revisions] == [
        (1, "dora", "the given name was wrong")
    ]
    now = perform(duty.desk, OPERATOR, OPEN, Opening(id=number, why="to compare"))
    before = perform(duty.desk, OPERATOR, OPEN, Opening(id=number, revision=0, why="to compare"))
    assert ("TINA" in now.text, "TESSA" in before.text) == (True, True)
    assert duty.audited(Act.LOOK)[-1].detail["revision"] == "0"
    with pytest.raises(NotThere):
        perform(duty.desk, VIEWER, READ, Reading(id=number, revision=9))


def test_a_resource_is_found_by_its_id_and_shown_masked(tmp_path: Path) -> None:
    channel = channel_in(tmp_path).program
    hospital = Hospital(f"sqlite:///{tmp_path}/fhir.db", channel)
    desk = Desk(hospital.store, RING, Settings(), lambda: NOW)
    body = {
        "resourceType": "Patient", "id": "17", "identifier": [{"system": "urn:h", "value": "7"}],
        "name": [{"family": "TESTMANN"}],
    }  # fmt: skip
    number = hospital.write(body, channel.channel)
    listed = perform(desk, VIEWER, SEARCH, Search(about="Patient/17"))
    assert ids(listed) == [number]
    assert ids(perform(desk, VIEWER, SEARCH, Search(about="Patient/18"))) == []
    story = perform(desk, VIEWER, SHOW, Asked(number))
    assert story.resource == "Patient/17/_history/1"
    content = perform(desk, VIEWER, READ, Reading(id=number))
    assert content.lines
    assert "TESTMANN" not in str([line.value for line in content.lines])
    hospital.close()
