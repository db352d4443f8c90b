"""Search while all is sealed: from a number to the messages that name it, on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conformance.emptied import emptied
from conformance.store_contract import NAMES
from fhir_channel import channel_in
from merging_hospital import ADT, Hospital, hospitals, program

from engine.errors import Misconfigured, Unacceptable
from engine.model import Arrival, MessageState
from engine.privacy.mentions import term
from engine.privacy.searching import spellings
from engine.privacy.vault import Vault
from engine.store.contracts.views import Query

PID = "PID|1||{0}^^^GENERAL^MR||TESTMANN^TESSA||19700131|F"
PV1 = "PV1|1|I|3A||||||||||||||||{0}"


@pytest.fixture(scope="module")
def shared_url(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


@pytest.fixture(params=["sqlite", "postgres"])
def hospital(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hospital]:
    shared = request.getfixturevalue("shared_url") if request.param == "postgres" else ""
    url = shared or f"sqlite:///{tmp_path}/wardline.db"
    yield from hospitals(url, ADT, program("ward-orders"), channel_in(tmp_path).program)
    if shared:
        emptied(shared)


def test_a_number_is_found_without_saying_whose_it_is(hospital: Hospital) -> None:
    first = hospital.say("ADT^A01", PID.format("7"), PV1.format("V1")).id
    person_only = hospital.say("ADT^A31", PID.format("7"), "PV1|1|N").id
    other = hospital.say("ADT^A01", "PID|1||7^^^OTHER^MR", PV1.format("V2")).id
    hospital.say("ADT^A01", PID.format("77"), PV1.format("V7"))
    assert hospital.view(person_only).state is MessageState.FILTERED
    assert hospital.found("mrn", "7") == [first, person_only, other]
    assert hospital.found("mrn", " 7 ", ["GENERAL"]) == [first, person_only]
    assert hospital.found("mrn", "7", ["OTHER"]) == [other]
    assert hospital.found("visit", "V1") == [first]
    assert hospital.found("visit", "7") == hospital.found("account", "7") == []
    assert hospital.found("mrn", "7", state="filtered") == [person_only]
    assert hospital.found("token", hospital.person("7")) == [first, person_only]


def test_a_message_that_came_to_nothing_is_found_though_nothing_was_minted(hospital: Hospital) -> None:
    dead = hospital.say("ADT^A41", PID.format("9"), "MRG|9||A1", PV1.format("V9"))
    assert dead.state is MessageState.DEAD  # without a PID-18
    assert hospital.person("9") == hospital.visit("V9") == ""
    assert hospital.found("mrn", "9") == hospital.found("visit", "V9") == hospital.found("account", "A1")
    assert hospital.found("mrn", "9") == [dead.id]
    hospital.restart()
    assert hospital.found("mrn", "9") == [dead.id]


def test_duplicates_are_found_with_their_originals(hospital: Hospital) -> None:
    first = hospital.store_only("ADT^A01", PID.format("7"), PV1.format("V1"), sent=50)
    (message,) = hospital.store.unrouted(["adt-encounters"], 0, 9)
    name = NAMES.of("adt-encounters", b"HIS", b"GENERAL", b"50")
    resent = Arrival("adt-encounters", message.raw, name, NAMES.digest(message.raw), 300.0)
    (again,) = hospital.store.accept([resent])
    hospital.route()
    assert again.original == first
    assert hospital.found("mrn", "7") == [first, again.id]


def test_who_was_merged_is_found_under_each_number(hospital: Hospital) -> None:
    one = hospital.say("ADT^A01", PID.format("1"), PV1.format("V1")).id
    two = hospital.say("ADT^A01", PID.format("2"), PV1.format("V2")).id
    merge = hospital.say("ADT^A40", PID.format("2"), "MRG|1^^^GENERAL^MR").id
    late = hospital.say("ADT^A08", PID.format("1"), PV1.format("V1")).id
    everything = [one, two, merge, late]
    assert hospital.found("mrn", "1") == hospital.found("mrn", "2") == everything
    assert len(hospital.find("mrn", "1").tokens) == 2


def test_orders_are_found_by_either_number(hospital: Hospital) -> None:
    order = ("ORC|NW|P-1^CPOE|F-1^LIS", "RQD|1|GLV-M^Gloves^L|||2|EA")
    made = hospital.say("ORM^O01", PID.format("7"), PV1.format("V1"), *order, channel="ward-orders")
    assert hospital.found("order", "P-1") == hospital.found("order", "F-1") == [made.id]
    assert hospital.found("order", "P-1", ["CPOE"]) == [made.id]
    assert hospital.found("order", "P-1", ["LIS"]) == []


def test_what_refers_to_a_resource_by_its_id_is_found_by_the_number_that_it_has(hospital: Hospital) -> None:
    number = {"system": "urn:oid:9.9", "value": "7", "type": {"coding": [{"code": "MR"}]}}
    patient = hospital.write({"resourceType": "Patient", "id": "p1", "identifier": [number]}, "supply")
    item = {
        "resourceType": "ChargeItem", "id": "c1", "status": "entered-in-error",
        "subject": {"reference": "Patient/p1"}, "code": {"coding": [{"code": "x"}]},
    }  # fmt: skip
    charge = hospital.write(item, "supply")
    hospital.write({**item, "id": "c2", "subject": {"reference": "Patient/p2"}}, "supply")
    assert hospital.found("mrn", "7") == [patient, charge]


def test_what_is_no_number_is_refused(hospital: Hospital) -> None:
    with pytest.raises(Misconfigured, match="no token"):
        hospital.find("token", "t1p_0000")
    with pytest.raises(Unacceptable):
        hospital.find("mrn", "1\x1f2", ["GENERAL"])


def test_p12_a_stolen_index_of_mentions_tells_no_number(hospital: Hospital) -> None:
    """P12 for terms: every number that there could be, hashed in every usual way, finds nothing."""
    for number in range(5):
        hospital.say("ADT^A01", PID.format(f"10{number}"), PV1.format(f"V{number}"))
    stolen = {term for number in range(5) for term in terms_of(hospital, f"10{number}")}
    assert len(stolen) == 5
    other = Vault(tenant="", index_keys={"thief": bytes(32)})
    for digits in range(2_000):
        for text in (str(digits), f"{digits:07}", f"p\x1fGENERAL\x1fMR\x1f{digits}"):
            tried = [getattr(hashlib, name)(text.encode()).digest() for name in ("md5", "sha1", "sha256")]
            tried.append(other.index(text))
            assert stolen.isdisjoint(term(digest) for digest in tried)


def terms_of(hospital: Hospital, value: str) -> list[int]:
    """The terms of a number that stand in the index."""
    candidates = [
        term(one) for text in spellings("p", value, ["GENERAL"]) for one in hospital.vault.lookups(text)
    ]
    return [one for one in candidates if hospital.store.mentioned([one], Query())]
