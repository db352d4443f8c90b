"""Which identifiers a message names: read without minting, the same terms as the vault's look-ups."""

from __future__ import annotations

import json

import pytest

from engine.fhir.document import Resource
from engine.fhir.stored import Stored, pack
from engine.hl7.document import Document
from engine.privacy.authorities import Authorities
from engine.privacy.book import TokenBook
from engine.privacy.mentions import ResourceMentions, V2Mentions, term
from engine.privacy.policy import Change, Policy
from engine.privacy.readers import Readers
from engine.privacy.vault import Vault, canonical

VAULT = Vault(tenant="t", index_keys={"k": b"i" * 32})
HEAD = "MSH|^~\\&|HIS|GENERAL|||20261122||ADT^A08|1|P|2.5\r"


def terms(*identifiers: tuple[str, str, str, str]) -> set[int]:
    return {term(VAULT.index(canonical(*one))) for one in identifiers}


def found(body: str, mentions: V2Mentions | None = None, head: str = HEAD) -> set[int]:
    which = mentions or V2Mentions(Policy(), Authorities())
    listed = which.of(Document.parse((head + body).encode()), VAULT.index)
    assert len(set(listed)) == len(listed)
    assert which.of(Document.parse((head + body).encode()), VAULT.index) == listed  # out of what it remembers
    return set(listed)


def test_every_number_of_a_person_that_may_be_a_token_is_named() -> None:
    body = 'PID|1|99|1^^^GENERAL^MR~2^^^OTHER^PI~3^^^SSA^SS~4~NULL^^^GENERAL^MR~""|5\r'
    assert found(body) == terms(
        ("p", "GENERAL", "MR", "1"), ("p", "OTHER", "PI", "2"), ("p", "GENERAL", "MR", "4")
    )  # fmt: skip


def test_every_standard_place_of_every_segment_is_read() -> None:
    body = (
        "PID|1||1|||||||||||||||A1\r"
        "PV1|1|I|||||||||||||||||V1" + "|" * 31 + "V2\r"
        "MRG|8||A8||V8\r"
        "ORC|NW|P1^CPOE|F1|G1\rOBR|1|P1^CPOE|F1\rORC|NW|P2\r"
        "SCH|B1|B2\r"
        "PID|2||2\r"
    )
    assert found(body) == terms(
        ("p", "GENERAL", "MR", "1"), ("a", "GENERAL", "", "A1"), ("v", "GENERAL", "", "V1"),
        ("v", "GENERAL", "", "V2"), ("p", "GENERAL", "MR", "8"), ("a", "GENERAL", "", "A8"),
        ("v", "GENERAL", "", "V8"), ("o", "CPOE", "", "P1"), ("o", "GENERAL", "", "F1"),
        ("o", "GENERAL", "", "G1"), ("o", "GENERAL", "", "P2"), ("b", "GENERAL", "", "B1"),
        ("b", "GENERAL", "", "B2"), ("p", "GENERAL", "MR", "2"),
    )  # fmt: skip


def test_they_are_the_look_ups_under_which_the_vault_knows_them() -> None:
    body = "PID|1||7^^^1.2.3&1.2.3&ISO^MRN\r"
    authorities = Authorities({"GENERAL": ["urn:oid:1.2.3"]})
    book = TokenBook(VAULT, lambda _: {})
    Readers(Policy(), authorities).reader("PID-3", "value")(Document.parse((HEAD + body).encode()), book)
    assert found(body, V2Mentions(Policy(), authorities)) == {
        term(row.lookups[0].lookup) for row in book.minted()
    }


def test_what_the_channel_reads_besides_is_named_too_and_what_it_may_not_is_not() -> None:
    readers = Readers(Policy(), Authorities())
    readers.reader("FT1-23", "value")
    readers.reader("FT1-2", "value")  # a transaction's number: nobody searches for that
    readers.reader("PV1-3.1", "value")
    body = "PV1|1|I|ICU\rFT1|1|T1" + "|" * 21 + "F7\r"
    assert found(body, V2Mentions(Policy(), Authorities(), readers.numbers)) == terms(
        ("o", "GENERAL", "", "F7")
    )
    narrowed = V2Mentions(Policy([Change("PID-18", "drop")]), Authorities())
    assert found("PID|1||1|||||||||||||||A1\r", narrowed) == terms(("p", "GENERAL", "MR", "1"))


def test_a_field_that_comes_again_from_another_sender_is_another_number() -> None:
    which = V2Mentions(Policy(), Authorities())
    assert found("PID|1||1\r", which) != found("PID|1||1\r", which, HEAD.replace("GENERAL", "NORTH"))
    assert found("PID|1||1\\T\\2\r", which) == terms(("p", "GENERAL", "MR", "1&2"))
    assert which.seen == {"", "GENERAL", "NORTH"} or which.seen == {"GENERAL", "NORTH"}


@pytest.mark.parametrize(
    "body",
    [
        "PID|1||" + "~".join(["1^^^A^MR"] * 2000) + "\r",
        "OBR" + "|x" * 2000 + "\r",
        "PID|1||1\x1f2\r",
        "PID\r",
    ],
    ids=["repetitions", "fields", "control character", "nothing"],
)
def test_what_cannot_be_read_names_nobody_and_stops_nothing(body: str) -> None:
    assert found(body) == set()


def test_a_later_key_is_asked_anew() -> None:
    which = V2Mentions(Policy(), Authorities())
    document = Document.parse((HEAD + "PID|1||1\r").encode())
    other = Vault(tenant="t", index_keys={"k": b"j" * 32})
    assert set(which.of(document, VAULT.index)).isdisjoint(which.of(document, other.index))


def resource(body: dict[str, object]) -> Resource:
    stored = Stored("R4", str(body["resourceType"]), str(body["id"]), 1, False, json.dumps(body).encode())
    return Resource.parse(pack(stored))


NUMBER = {"system": "urn:v", "value": "V1"}
MRN = {"system": "urn:oid:1.2.3", "value": "7", "type": {"coding": [{"code": "MR"}]}}


def test_a_resource_names_itself_by_number_and_by_id_and_what_it_refers_to() -> None:
    mentions = ResourceMentions(Authorities({"GENERAL": ["1.2.3"]}))
    patient = mentions.of(resource({"resourceType": "Patient", "id": "p1", "identifier": [MRN]}), VAULT.index)
    assert set(patient) == terms(("p", "GENERAL", "MR", "7"), ("p", "fhir/R4", "", "Patient/p1"))
    item = {
        "resourceType": "ChargeItem", "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "context": {"reference": "#e"},
        "contained": [{"resourceType": "Encounter", "id": "e", "identifier": [NUMBER]}],
        "account": [{"type": "Account", "identifier": {"system": "urn:a", "value": "A1"}}],
        "performer": [{"actor": {"reference": "Practitioner/d1"}}],
    }  # fmt: skip
    assert set(mentions.of(resource(item), VAULT.index)) == terms(
        ("p", "fhir/R4", "", "Patient/p1"), ("v", "urn:v", "", "V1"), ("a", "urn:a", "", "A1")
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"subject": "Patient/p1"},
        {"subject": {"reference": 7}},
        {"identifier": 7},
        {"identifier": {"value": "7"}},
    ],
)
def test_odd_shapes_of_resources_stop_nothing(odd: dict[str, object]) -> None:
    found = ResourceMentions(Authorities()).of(
        resource({"resourceType": "Patient", "id": "p", **odd}), VAULT.index
    )
    assert set(found) == terms(("p", "fhir/R4", "", "Patient/p"))
