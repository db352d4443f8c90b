"""engine.hl7.versions: today's paths in messages of older versions, checked against their tables."""

from __future__ import annotations

import importlib
import re

import pytest

from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.hl7.path import Path
from engine.hl7.versions import COMPONENTS, EXCHANGED, HOLDERS, older_places
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.rules import Forbidden

VERSIONS = ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.2"]
CHARGES = ["FT1|1|T1||20261121||CG|G1|||{first}|{second}|2.50", "FT1|2|T2||20261121||CG|G2|||{first}"]


def charges(version: str) -> Document:
    head = f"MSH|^~\\&|A|B|C|D|||DFT^P03|C1|P|{version}"
    body = [line.format(first="7.50", second="3") for line in CHARGES]
    return Document.parse("\r".join([head, *body]).encode())


def values(document: Document, *paths: str) -> list:
    return [document.value(Path.parse(path)) for path in paths]


@pytest.mark.parametrize("version", ["2.1", " 2.1 ", "v2.1", "2.1^USA"])
def test_ft1_of_2_1_has_its_amount_where_paths_say_11(version):
    document = charges(version)
    assert values(document, "FT1-10", "FT1-11", "FT1-12", "FT1-2") == ["3", "7.50", "2.50", "T1"]
    assert values(document, "FT1[2]-10", "FT1[2]-11") == [None, "7.50"]
    second = groups(document, "FT1")[1]
    assert (second.value(Path.parse("FT1-10")), second.value(Path.parse("FT1-11"))) == (None, "7.50")


@pytest.mark.parametrize(
    "version", ["2.2", "2.3", "2.3.1", "2.4", "2.5.1", "2.8.2", "", "12.1", "2.10", "x2.1x"]
)
def test_since_2_2_it_has_its_quantity_there(version):
    assert values(charges(version), "FT1-10", "FT1-11") == ["7.50", "3"]


def test_what_is_written_stays_as_it_was_sent():
    document = charges("2.1")
    raw = document.encode()
    assert values(document, "FT1-10") == ["3"]
    assert document.encode(document.segments()) == document.encode() == raw
    assert b"|7.50|3|2.50\r" in raw
    assert list(document.segments())[2][9:] == ["", "7.50"]
    assert values(Document.parse(raw), "FT1-10", "FT1-11") == ["3", "7.50"]


def table(version: str):
    return importlib.import_module(f"hl7apy.v{version.replace('.', '_')}.segments").SEGMENTS


def names(version: str, segment: str) -> dict[int, str]:
    """The fields of a segment by the number in their name, which is their position."""
    found = table(version).get(segment, ("", ()))[1]
    return {int(row[0].rpartition("_")[2]): re.sub(r"[^A-Z]", "", str(row[1][3])) for row in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_no_other_field_that_channels_read_has_another_name_at_its_place(version):
    """The words that make a field what it is, version by version."""
    words = {
        "FT1": {4: "DATE", 6: "TYPE", 7: "CODE", 10: "QUANTITY", 11: "AMOUNT", 12: "AMOUNT", 13: "DEPARTMENT",
                16: "LOCATION"},
        "PID": {3: "PATIENTI", 18: "ACCOUNT"},
        "PV1": {2: "CLASS", 3: "LOCATION", 6: "PRIOR", 19: "VISIT", 44: "ADMIT", 45: "DISCHARGE"},
        "MRG": {1: "PRIOR", 3: "ACCOUNT"},
        "EVN": {1: "EVENT", 2: "DATETIME"},
        "OBR": {2: "PLACER", 3: "FILLER", 4: "UNIVERSAL", 7: "OBSERVATION"},
        "OBX": {3: "OBSERVATION", 5: "OBSERVATION", 6: "UNITS"},
        "ORC": {1: "CONTROL", 2: "PLACER", 3: "FILLER"},
        "RQD": {2: "INTERNAL", 3: "EXTERNAL", 4: "HOSPITAL", 5: "QUANTITY", 6: "UNIT", 10: "NEEDED"},
        "SCH": {1: "PLACER", 2: "FILLER", 25: "STATUS"},
        "AIS": {3: "SERVICE", 4: "START"},
    }  # fmt: skip
    for segment, fields in words.items():
        have = names(version, segment)
        places = dict(zip(fields, fields, strict=True))
        if version == "2.1" and segment in EXCHANGED:
            first, second = EXCHANGED[segment]
            places[first], places[second] = second, first
        for number, word in fields.items():
            if number in have:
                assert word in have[places[number]], f"{segment}-{number}"


def test_the_components_of_tq_are_those_of_its_table():
    types = importlib.import_module("hl7apy.v2_5.datatypes").DATATYPES
    tq = {number: re.sub(r"[^A-Z]", "", types[f"TQ_{number}"][3]) for number in range(1, 13)}
    tq1 = names("2.5", "TQ1")
    words = {2: "QUANTITY", 3: "", 6: "DURATION", 7: "START", 8: "END", 9: "PRIORITY", 10: "CONDITION",
             11: "TEXT", 12: "CONJUNCTION", 13: "OCCURRENCEDURATION", 14: "TOTALOCC"}  # fmt: skip
    assert set(words) == set(COMPONENTS)
    for field, word in words.items():
        assert word in tq1[field]
        assert word in tq[COMPONENTS[field]]
    for holder in map(Path.parse, HOLDERS):
        assert table("2.4")[holder.segment][1][holder.field - 1][1][2] == "TQ"


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("TQ1-7", "SCH-11.4"),
        ("TQ1-2", "SCH-11.1"),
        ("TQ1-2.2", "SCH-11.1.2"),
        ("TQ1[2]-8", "SCH-11[2].5"),
        ("TQ1-9.1", "SCH-11.6"),
    ],
)
def test_where_older_messages_have_it(path, first):
    assert next(map(str, older_places(Path.parse(path)))) == first


def test_other_paths_have_one_place():
    for path in ("TQ1-1", "TQ1-4", "TQ1-7[2]", "TQ1-2.1.2", "SCH-11.4", "PID-3"):
        assert older_places(Path.parse(path)) == ()


def read(raw: str, path: str, use: str = "date", anchor: str = "", number: int = 1):
    document = Document.parse(f"MSH|^~\\&|A|B|C|D|||SIU^S12|C1|P|2.3\r{raw}".encode())
    view = groups(document, anchor)[number - 1] if anchor else document
    return Readers(Policy()).reader(path, use)(view, None)  # type: ignore[arg-type]


TIMES = "SCH|1|2|||||||||2^^30^20261121080000^20261121090000^S"


def test_timing_is_read_where_the_message_has_it():
    assert read(TIMES, "TQ1-7") == "20261121080000"
    assert read(TIMES, "TQ1-8") == "20261121090000"
    assert read(TIMES, "TQ1-9", "value") == "S"
    assert read(f"{TIMES}\rTQ1|1||||||20261122", "TQ1-7") == "20261122"
    assert read(f"{TIMES}\rTQ1|1", "TQ1-7") is None  # a TQ1 that says nothing says nothing
    assert read("PID|1", "TQ1-7") is None


def test_timing_of_an_order_is_its_own():
    orders = (
        "ORC|NW|1|||||^^^20261121\rRQD|1|A\rORC|NW|2\rRQD|1|B\r"
        "ORC|NW|3|||||^^^20261123\rTQ1|1||||||20261124\rRQD|1|C"
    )
    found = [read(orders, "TQ1-7", anchor="RQD", number=number) for number in (1, 2, 3)]
    assert found == ["20261121", None, "20261124"]


def test_the_policy_holds_for_older_places_too():
    with pytest.raises(Forbidden):
        Readers(Policy()).reader("TQ1-7", "value")


def test_a_reader_says_all_segments_it_looks_into():
    """What lies in none of them before the first group is the same for every group."""
    readers = Readers(Policy())
    assert readers.reader("TQ1-7", "date").segments == {"TQ1", "SCH", "ORC", "OBR", "RXE"}
    assert readers.reader("FT1-7", "value").segments == {"FT1"}
