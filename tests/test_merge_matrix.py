"""P06: what messages say of numbers that are one, event by event (spec: PHI, section 6); both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conformance.emptied import emptied
from fhir_channel import CHANNEL, channel_in
from merging_hospital import ADT, Hospital, hospitals, program
from resending import resent

from engine.effects import Encounter, Merge, Unmerge
from engine.model import Delivered, Lane, MessageState, ReasonCode, Settlement
from engine.store.contracts.views import MessageView
from engine.store.merging import LONGEST_CHAIN

SUPPLY = CHANNEL.replace("{HOSP: ['urn:oid:1.2.3', 'GENERAL']}", "{GENERAL: ['urn:oid:1.2.3']}")
PID = "PID|1||{0}^^^GENERAL^MR||TESTMANN^TESSA||19700131|F||||||||||{1}"
PV1 = "PV1|1|I|3A||||||||||||||||{0}" + "|" * 31 + "{1}"


@pytest.fixture(scope="module")
def shared_url(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


@pytest.fixture(params=["sqlite", "postgres"])
def hospital(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hospital]:
    shared = request.getfixturevalue("shared_url") if request.param == "postgres" else ""
    url = shared or f"sqlite:///{tmp_path}/wardline.db"
    yield from hospitals(url, ADT, program("dft-charges"), channel_in(tmp_path, SUPPLY).program)
    if shared:
        emptied(shared)


def admit(
    hospital: Hospital, person: str, visit: str = "", account: str = "", event: str = "A01"
) -> MessageView:
    return hospital.say(f"ADT^{event}", PID.format(person, account), PV1.format(visit, ""))


def merge(
    hospital: Hospital, gone: str, into: str, event: str = "A40", accounts: tuple[str, str] = ("", "")
) -> MessageView:
    prior = f"MRG|{gone}^^^GENERAL^MR||{accounts[0]}"
    return hospital.say(f"ADT^{event}", PID.format(into, accounts[1]), prior)


def merges(hospital: Hospital, view: MessageView) -> list[tuple[str, str, str]]:
    return [(one.kind, one.gone, one.into) for one in hospital.effects(view.id) if isinstance(one, Merge)]


@pytest.mark.parametrize("event", ["A40", "A18", "A30", "A34", "A36", "A39"])
def test_p06_two_persons_are_one(hospital: Hospital, event: str) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "2", "V2")
    one, two = hospital.person("1"), hospital.person("2")
    told = merge(hospital, "1", "2", event)
    assert merges(hospital, told) == [("person", one, two)]
    assert hospital.person("1") == hospital.person("2") == two
    assert hospital.store.survivors([one, two]) == {one: two}  # both can still be resolved


def test_p06_an_unknown_source_is_made_and_merged_for_the_late_messages(hospital: Hospital) -> None:
    admit(hospital, "2", "V2")
    two = hospital.person("2")
    assert merge(hospital, "1", "2").state is MessageState.WAITING
    assert hospital.person("1") == two
    late = admit(hospital, "1", "V1")
    assert [one.subject for one in hospital.effects(late.id) if isinstance(one, Encounter)] == [two]


def test_p06_both_unknown(hospital: Hospital) -> None:
    told = merge(hospital, "1", "2")
    ((_, gone, into),) = merges(hospital, told)
    assert hospital.person("1") == hospital.person("2") == into != gone


@pytest.mark.parametrize("again", [False, True], ids=["one router", "started again each time"])
def test_p06_a_chain_is_resolved_to_its_end_and_late_messages_with_it(
    hospital: Hospital, again: bool
) -> None:
    for number in "1234":
        admit(hospital, number, f"V{number}")
    for gone, into in (("1", "2"), ("3", "4"), ("2", "3")):
        merge(hospital, gone, into)
        if again:
            hospital.restart()
    four = hospital.person("4")
    assert {hospital.person(number) for number in "1234"} == {four}
    late = admit(hospital, "1", "V1", event="A08")
    assert [one.subject for one in hospital.effects(late.id) if isinstance(one, Encounter)] in ([four], [])
    charged = hospital.say(
        "DFT^P03", PID.format("1", ""), PV1.format("V1", ""), "FT1|1|T1||20261121||CG|270001^Gloves^CDM|||1",
        channel="dft-charges",
    )  # fmt: skip
    assert {getattr(one, "subject", "") for one in hospital.effects(charged.id)} == {four}
    joined = merge(hospital, "9", "1")  # the survivor is one that is gone itself
    assert [pair[2] for pair in merges(hospital, joined)] == [four]
    assert hospital.person("9") == four


def test_p06_merges_of_one_batch_are_a_chain_too(hospital: Hospital) -> None:
    for gone, into in (("1", "2"), ("2", "3"), ("3", "4")):
        hospital.store_only("ADT^A40", PID.format(into, ""), f"MRG|{gone}^^^GENERAL^MR")
    hospital.route()
    assert {hospital.person(number) for number in "123"} == {hospital.person("4")}


def test_p06_the_same_merge_again_is_nothing_to_do(hospital: Hospital) -> None:
    merge(hospital, "1", "2")
    again = merge(hospital, "1", "2")
    assert (again.state, again.step) == (MessageState.FILTERED, "nothing-to-do")
    merge(hospital, "3", "2")
    siblings = merge(hospital, "1", "3")  # both went into a third
    assert (siblings.state, siblings.step) == (MessageState.FILTERED, "nothing-to-do")
    assert merge(hospital, "2", "2").step == "nothing-to-do"


@pytest.mark.parametrize("length", [2, 3, 4])
def test_p06_a_circle_is_a_dead_letter(hospital: Hospital, length: int) -> None:
    for number in range(1, length):
        merge(hospital, str(number), str(number + 1))
    survivor = hospital.person(str(length))
    circle = merge(hospital, str(length), "1")
    assert circle.state is MessageState.DEAD
    assert circle.reason is not None
    assert circle.reason.code is ReasonCode.CONFLICT
    assert "circle" in circle.reason.text
    assert hospital.person("1") == survivor
    assert hospital.found("mrn", "1")[-1] == circle.id  # a dead letter of them is found, too


def test_p06_a_circle_within_one_batch_stops_no_other(hospital: Hospital) -> None:
    ids = [
        hospital.store_only("ADT^A40", PID.format(into, ""), f"MRG|{gone}^^^GENERAL^MR")
        for gone, into in (("1", "2"), ("2", "1"), ("5", "6"))
    ]
    hospital.route()
    states = [hospital.view(number).state for number in ids]
    assert states == [MessageState.WAITING, MessageState.DEAD, MessageState.WAITING]


def test_p06_a_chain_is_at_most_32_merges_long(hospital: Hospital) -> None:
    for number in range(LONGEST_CHAIN):
        assert merge(hospital, str(number), str(number + 1)).state is MessageState.WAITING
    too_long = merge(hospital, str(LONGEST_CHAIN), str(LONGEST_CHAIN + 1))
    assert too_long.state is MessageState.DEAD
    assert too_long.reason is not None
    assert too_long.reason.code is ReasonCode.CONFLICT
    assert hospital.person("0") == hospital.person(str(LONGEST_CHAIN))


@pytest.mark.parametrize("event", ["A41", "A35"])
def test_p06_accounts_are_merged_in_their_own_domain(hospital: Hospital, event: str) -> None:
    admit(hospital, "1", "", "A1")
    admit(hospital, "1", "", "A2")
    one, two = hospital.account("A1"), hospital.account("A2")
    told = merge(hospital, "1", "1", event, ("A1", "A2"))
    assert merges(hospital, told) == [("account", one, two)]
    assert hospital.account("A1") == two
    assert hospital.person("1").startswith("t1p_")


def test_p06_visits_are_merged_in_their_own_domain(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "1", "V2")
    one, two = hospital.visit("V1"), hospital.visit("V2")
    told = hospital.say("ADT^A42", PID.format("1", ""), "MRG|1||||V1", PV1.format("V2", ""))
    assert merges(hospital, told) == [("visit", one, two)]
    assert hospital.visit("V1") == two


def owner(hospital: Hospital, token: str) -> str:
    row = hospital.store.token_rows([token])[token]
    return row.moved_to or row.subject


def test_p06_a45_a_visit_changes_its_owner_and_keeps_its_token(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "2", "V2")
    visit, one, two = hospital.visit("V1"), hospital.person("1"), hospital.person("2")
    assert owner(hospital, visit) == one
    moved = hospital.say("ADT^A45", PID.format("2", ""), "MRG|1^^^GENERAL^MR||||V1", PV1.format("V1", ""))
    assert [(e.key, e.subject) for e in hospital.effects(moved.id) if isinstance(e, Encounter)] == [
        (visit, two)
    ]
    assert hospital.visit("V1") == visit
    assert owner(hospital, visit) == two
    hospital.say("ADT^A45", PID.format("1", ""), "MRG|2^^^GENERAL^MR||||V1", PV1.format("V1", ""))
    assert owner(hospital, visit) == one


def test_p06_a44_an_account_changes_its_owner_and_keeps_its_token(hospital: Hospital) -> None:
    admit(hospital, "1", "", "A1")
    admit(hospital, "2", "V2")
    account, two = hospital.account("A1"), hospital.person("2")
    hospital.say("ADT^A44", PID.format("2", "A1"), "MRG|1^^^GENERAL^MR||A1")
    assert hospital.account("A1") == account
    assert owner(hospital, account) == two


def test_p06_a43_numbers_that_move_between_records_move_nothing_here(hospital: Hospital) -> None:
    moved = merge(hospital, "1", "2", "A43")
    assert (moved.state, moved.step) == (MessageState.FILTERED, "other-numbers")
    assert hospital.found("mrn", "1") == [moved.id]


def test_p06_a_merge_of_persons_moves_no_owner(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    one = hospital.person("1")
    merge(hospital, "1", "2")
    admit(hospital, "1", "V1", event="A08")
    assert owner(hospital, hospital.visit("V1")) == one  # it is the same person


def test_p06_a47_a_corrected_number_leads_to_the_same_token(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    one = hospital.person("1")
    merge(hospital, "1", "2", "A47")
    assert hospital.person("2") == hospital.person("1") == one
    late = admit(hospital, "1", "V3")
    assert [e.subject for e in hospital.effects(late.id) if isinstance(e, Encounter)] == [one]


def test_p06_a47_a_number_corrected_back_is_nothing_to_do(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    merge(hospital, "1", "2", "A47")
    back = merge(hospital, "2", "1", "A47")
    assert (back.state, back.step) == (MessageState.FILTERED, "nothing-to-do")


def test_p06_a47_where_both_stand_they_are_merged(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "2", "V2")
    one, two = hospital.person("1"), hospital.person("2")
    assert merges(hospital, merge(hospital, "1", "2", "A47")) == [("person", two, one)]
    assert hospital.person("2") == one


def test_p06_a49_a50_a51_corrected_numbers_of_accounts_and_visits(hospital: Hospital) -> None:
    admit(hospital, "1", "", "A1")
    admit(hospital, "1", "V1")
    hospital.say("ADT^A01", PID.format("1", ""), PV1.format("", "W1"))
    account, visit, other = hospital.account("A1"), hospital.visit("V1"), hospital.visit("W1")
    merge(hospital, "1", "1", "A49", ("A1", "A2"))
    hospital.say("ADT^A50", PID.format("1", ""), "MRG|1||||V1", PV1.format("V2", ""))
    hospital.say("ADT^A51", PID.format("1", ""), "MRG|1|||||W1", PV1.format("", "W2"))
    assert hospital.account("A2") == account
    assert hospital.visit("V2") == visit
    assert hospital.visit("W2") == other


@pytest.mark.parametrize("event", ["A24", "A37"])
def test_p06_a_link_leaves_both_as_they_are(hospital: Hospital, event: str) -> None:
    linked = hospital.say(f"ADT^{event}", PID.format("1", ""), PID.format("2", ""))
    assert (linked.state, linked.step) == (MessageState.FILTERED, "link-only")
    assert hospital.found("mrn", "1") == hospital.found("mrn", "2") == [linked.id]
    admit(hospital, "1", "V1")
    admit(hospital, "2", "V2")
    assert hospital.person("1") != hospital.person("2")


def test_p06_fhir_a_patient_that_was_replaced_is_merged_with_its_numbers_in_v2(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "2", "V2")
    one, two = hospital.person("1"), hospital.person("2")

    def patient(id_: str, value: str, **more: object) -> dict[str, object]:
        typed = {"coding": [{"code": "MR"}]}
        number = {"system": "urn:oid:1.2.3", "value": value, "type": typed}
        return {"resourceType": "Patient", "id": id_, "identifier": [number], **more}

    hospital.write(patient("b", "2"), "supply")
    link = {"other": {"reference": "Patient/b"}, "type": "replaced-by"}
    told = hospital.write(patient("a", "1", link=[link]), "supply")
    assert hospital.view(told).state is MessageState.WAITING, hospital.view(told)
    assert merges(hospital, hospital.view(told)) == [("person", one, two)]
    assert hospital.person("1") == two


def settled(hospital: Hospital) -> None:
    """All that is due is delivered."""
    while claimed := hospital.store.claim(
        hospital.programs["adt-encounters"].destinations[0], Lane.NORMAL, 100, now=300.0, lease_until=360.0,
        holder="me",
    ):  # fmt: skip
        done = [Settlement(one.id, Delivered()) for one in claimed]
        hospital.store.settle(done, now=301.0, holder="me")


@pytest.mark.parametrize("again", [False, True], ids=["the same router", "started again"])
def test_p06_a_wrong_merge_is_taken_back(hospital: Hospital, again: bool) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "2", "V2")
    one, two = hospital.person("1"), hospital.person("2")
    told = merge(hospital, "1", "2")
    settled(hospital)
    hospital.store.unmerge(one, two, now=300.0)
    if again:
        hospital.restart()
    assert (hospital.person("1"), hospital.person("2")) == (one, two)
    late = admit(hospital, "1", "V9")  # also by the router that had learnt the merge
    assert [e.subject for e in hospital.effects(late.id) if isinstance(e, Encounter)] == [one]
    assert [type(effect) for effect in hospital.effects(told.id)] == [Merge, Unmerge]
    settled(hospital)
    assert hospital.view(told.id).state is MessageState.DELIVERED
    assert told.id in hospital.found("mrn", "1")
    assert hospital.found("mrn", "2") == [2, told.id]  # no longer what is about the other
    assert merge(hospital, "1", "2").state is MessageState.WAITING  # it may be said again


def test_p06_after_it_was_taken_back_the_other_way_round_is_no_circle(hospital: Hospital) -> None:
    merge(hospital, "1", "2")
    circle = merge(hospital, "2", "1")
    assert circle.state is MessageState.DEAD
    settled(hospital)
    two = hospital.person("2")
    (gone,) = {line.gone for line in hospital.store.merges(two)}
    hospital.store.unmerge(gone, two, now=300.0)
    assert resent(hospital.store, circle.id, now=301.0) == [circle.id]
    hospital.route()
    assert merges(hospital, hospital.view(circle.id)) == [("person", two, gone)]
    assert hospital.person("2") == hospital.person("1") == gone


def test_p06_visits_that_were_parted_again_have_each_their_course(hospital: Hospital) -> None:
    admit(hospital, "1", "V1")
    admit(hospital, "1", "V2")
    one, two = hospital.visit("V1"), hospital.visit("V2")
    hospital.say("ADT^A42", PID.format("1", ""), "MRG|1||||V1", PV1.format("V2", ""))
    settled(hospital)
    hospital.store.unmerge(one, two, now=300.0)
    closed = admit(hospital, "1", "V2", event="A03")
    opened = admit(hospital, "1", "V1", event="A01")
    for view, key, state in ((closed, two, "closed"), (opened, one, "open")):
        (effect,) = [one for one in hospital.effects(view.id) if isinstance(one, Encounter)]
        assert (effect.key, effect.state) == (key, state)
