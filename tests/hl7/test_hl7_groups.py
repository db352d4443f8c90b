"""engine.hl7.groups: what belongs to one repeating segment, and what never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.hl7.path import Path


def message(kind: str, *segments: str) -> Document:
    """`FT1:a` is an FT1 with `a` in field 1; field 2 holds where it stands in the message."""
    lines = [f"MSH|^~\\&|A|B|C|D|||{kind}|C1|P|2.5"]
    for segment in segments:
        name, _, mark = segment.partition(":")
        lines.append(f"{name}|{mark}")
    return Document.parse("\r".join(lines).encode())


def seen(document: Document, anchor: str, segment: str) -> list[str]:
    """What field 1 of `segment` is in each group."""
    path = Path.parse(f"{segment}-1")
    return [str(group.value(path) or "-") for group in groups(document, anchor)]


CASES = [
    # charges
    (
        "DFT^P03",
        "PID:p PV1:v FT1:1 PR1:a FT1:2 FT1:3 PR1:c",
        "FT1",
        {"FT1": "1 2 3", "PR1": "a - c", "PID": "p p p"},
    ),
    ("DFT^P03", "PID:p FT1:1 FT1:2 DG1:d IN1:i ACC:z", "FT1", {"DG1": "d d", "IN1": "i i", "ACC": "z z"}),
    ("DFT^P03", "PID:p FT1:1 DG1:a FT1:2 DG1:b IN1:i", "FT1", {"DG1": "a b", "IN1": "i i"}),
    ("DFT^P03", "PID:p FT1:1 FT1:2 NTE:n ZFT:z DG1:d", "FT1", {"NTE": "- n", "ZFT": "- z", "DG1": "d d"}),
    ("DFT^P11", "PID:p FT1:1 FT1:2 DG1:d", "FT1", {"DG1": "- d"}),
    ("DFT^P11", "PID:p IN1:i FT1:1 FT1:2 IN1:j", "FT1", {"IN1": "i j"}),
    ("DFT^P03", "PID:p ORC:o OBR:b FT1:1 FT1:2 ORC:q", "FT1", {"ORC": "o q", "OBR": "b b"}),
    (
        "DFT^P03",
        "PID:p FT1:1 PR1:a PR1:b FT1:2 PR1:c DG1:d",
        "PR1",
        {"FT1": "1 1 2", "PID": "p p p", "DG1": "d d d"},
    ),
    ("DFT^P03", "PID:p ORC:o FT1:1 ORC:q OBR:r FT1:2", "ORC", {"FT1": "- 1", "OBR": "- r"}),
    ("RDS^O13", "PID:p ORC:1 RXD:a FT1:x ORC:2 RXD:b FT1:y", "FT1", {"RXD": "a b", "ORC": "1 2"}),
    # orders: what opens the group stands before the anchor
    ("OMS^O05", "PID:p ORC:1 RQD:a NTE:n ORC:2 RQD:b", "RQD", {"ORC": "1 2", "NTE": "n -", "PID": "p p"}),
    ("OMS^O05", "PID:p ORC:1 RQD:a NTE:n RQD:b NTE:m", "RQD", {"ORC": "1 1", "NTE": "n m"}),
    ("OMS^O05", "PID:p ORC:1 RQD:a RQD:b NTE:m", "RQD", {"NTE": "- m"}),
    ("OMS^O05", "PID:p ORC:1 NTE:o RQD:a RQD:b", "RQD", {"NTE": "o o"}),
    ("ORU^R01", "PID:p ORC:1 OBR:a OBX:x OBX:y OBR:b OBX:z", "OBX", {"OBR": "a a b", "ORC": "1 1 1"}),
    ("ORU^R01", "PID:p ORC:1 OBR:a OBX:x ORC:2 OBX:y", "OBX", {"OBR": "a -", "ORC": "1 2"}),
    # appointments
    ("SIU^S12", "SCH:s RGS:1 AIS:a AIL:l", "AIS", {"AIL": "l", "SCH": "s", "RGS": "1"}),
    ("SIU^S12", "SCH:s RGS:1 AIL:l AIS:a", "AIS", {"AIL": "l"}),
    ("SIU^S12", "SCH:s RGS:1 AIS:a AIS:b AIL:l", "AIS", {"AIL": "l l"}),
    ("SIU^S12", "SCH:s RGS:1 AIS:a AIL:l AIS:b AIL:m", "AIS", {"AIL": "l m"}),
    ("SIU^S12", "SCH:s RGS:1 AIS:a RGS:2 AIL:m AIS:b", "AIS", {"AIL": "- m", "RGS": "1 2"}),
    ("SIU^S12", "SCH:s RGS:1 AIS:a NTE:n AIS:b", "AIS", {"NTE": "n -"}),
    ("SIU^S12", "SCH:s RGS:1 AIS:a AIS:b NTE:n", "AIS", {"NTE": "- n"}),
    ("SIU^S12", "SCH:s AIS:a AIL:l", "AIS", {"AIL": "l", "SCH": "s", "RGS": "-"}),
    ("SIU^S12", "SCH:s AIL:l AIS:a AIS:b", "AIS", {"AIL": "l l"}),
    ("SIU^S12", "SCH:s RGS:1 AIS:a AIG:g AIG:h AIL:l", "AIG", {"AIS": "a a", "AIL": "l l"}),
    # merges
    ("ADT^A40", "PID:1 MRG:a PID:2 MRG:b", "PID", {"MRG": "a b"}),
    ("ADT^A40", "PID:1 MRG:a PID:2 MRG:b", "MRG", {"PID": "1 2"}),
    ("MFN^M04", "MFI:f MFE:1 CDM:a PRC:x MFE:2 CDM:b", "MFE", {"CDM": "a b", "PRC": "x -", "MFI": "f f"}),
    ("MFN^M04", "MFI:f MFE:1 CDM:a PRC:x MFE:2 CDM:b", "CDM", {"MFE": "1 2", "PRC": "x -"}),
    ("ADT^A01", "PID:1 ZIM:a NTE:n ZIM:b", "ZIM", {"NTE": "n -", "PID": "1 1"}),
    # several patients
    ("ADT^A17", "EVN:e PID:1 PV1:a PID:2 PV1:b", "PID", {"PV1": "a b", "EVN": "e e"}),
    ("ADT^A17", "EVN:e PID:1 PV1:a PID:2 PV1:b", "PV1", {"PID": "1 2", "EVN": "e e"}),
    ("ADT^A17", "EVN:e PID:1 PV1:a OBX:x PID:2 PV1:b", "PV1", {"OBX": "x -"}),
    ("ADT^A42", "EVN:e PID:1 MRG:m PV1:a PID:2 MRG:n PV1:b", "MRG", {"PID": "1 2", "PV1": "a b"}),
    ("ADT^A24", "EVN:e PID:1 PV1:a PID:2", "PID", {"PV1": "a -"}),
    (
        "ORU^R01",
        "PID:1 PV1:v ORC:o OBR:a OBX:x OBX:y PID:2 ORC:p OBR:b OBX:z",
        "OBX",
        {"PID": "1 1 2", "OBR": "a a b", "ORC": "o o p", "PV1": "v v -"},
    ),
    ("ORU^R01", "PID:1 OBR:a OBX:x PID:2 OBX:y OBR:c OBX:z", "OBX", {"PID": "1 2 2", "OBR": "a - c"}),
    ("DFT^P03", "PID:1 FT1:1 DG1:d PID:2 FT1:2 DG1:e", "FT1", {"PID": "1 2", "DG1": "d e"}),
    ("DFT^P03", "PID:1 FT1:1 PR1:a PID:2 FT1:2 PR1:b", "PR1", {"PID": "1 2", "FT1": "1 2"}),
    ("SIU^S12", "SCH:s PID:1 PID:2 RGS:1 AIS:a AIS:b", "AIS", {"PID": "1 1", "SCH": "s s"}),
    # out of order
    ("DFT^P03", "FT1:1 PR1:a FT1:2 PR1:b PID:p PV1:v", "FT1", {"PID": "p p", "PV1": "v v", "PR1": "a b"}),
    ("DFT^P03", "FT1:1 PID:p PR1:a FT1:2 EVN:e", "FT1", {"PID": "p p", "EVN": "e e", "PR1": "a -"}),
    ("SIU^S12", "RGS:1 AIS:a AIL:l RGS:2 AIS:b SCH:s", "AIS", {"SCH": "s s", "AIL": "l -"}),
    ("DFT^P03", "FT1:1 FT1:2 PID:1 PID:2", "FT1", {"PID": "- -"}),
    # notes belong to the segment before them
    ("DFT^P03", "NTE:h PID:p FT1:1 NTE:a ZFT:z NTE:b FT1:2", "FT1", {"NTE": "a h"}),
    ("DFT^P11", "PID:p FT1:1 PR1:x NTE:n PR1:y", "PR1", {"NTE": "n -"}),
    (
        "DFT^P11",
        "PID:1 FT1:1 DG1:d GT1:g IN1:i FT1:2 DG1:e",
        "FT1",
        {"DG1": "d e", "GT1": "g -", "IN1": "i -"},
    ),
]


@pytest.mark.parametrize(
    ("kind", "segments", "anchor", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES]
)
def test_what_a_group_sees(kind, segments, anchor, expected):
    document = message(kind, *segments.split())
    for segment, marks in expected.items():
        assert seen(document, anchor, segment) == marks.split(), segment


def test_no_anchor_no_groups():
    assert groups(message("ADT^A01", "PID:1"), "FT1") == []


def test_a_group_reads_like_a_document():
    document = message("DFT^P03", "PID:p", "FT1:1", "PR1:a", "PR1:b", "FT1:2", "PR1:c")
    first, second = groups(document, "FT1")
    assert (first.number, second.number, first.anchor) == (1, 2, "FT1")
    assert [fields[1] for fields in first.all("PR1")] == ["a", "b"]
    assert first.value(Path.parse("PR1[2]-1")) == "b"
    assert second.value(Path.parse("PR1[2]-1")) is None
    assert first.value(Path.parse("FT1[2]-1")) is None
    assert second.place(Path.parse("FT1-7.1")) == "FT1[2]-7.1"
    assert second.place(Path.parse("PR1-3")) == "PR1[3]-3"
    assert second.place(Path.parse("ZZZ-3")) == "ZZZ-3"
    assert second.nth("ZZZ", 1) is None
    assert repr(second) == "Group(FT1[2])"


names = st.sampled_from(
    ["PID", "NTE", "FT1", "PR1", "DG1", "ORC", "OBR", "OBX", "RGS", "AIS", "AIL", "RQD", "ZZ1"]
)


@given(
    st.lists(names, max_size=25),
    st.sampled_from(["FT1", "PR1", "AIS", "AIL", "OBX", "RQD", "ORC", "ZZ1"]),
    st.sampled_from(["DFT^P03", "DFT^P11", "SIU^S12", "RDS^O13"]),
)
def test_a_group_never_reads_what_follows_another_anchor(segments, anchor, kind):
    document = message(kind, *(f"{name}:{number}" for number, name in enumerate(segments)))
    found = groups(document, anchor)
    assert len(found) == segments.count(anchor)
    starts = [*document.positions(anchor), len(document)]
    for group, start, end in zip(found, starts, starts[1:], strict=False):
        assert list(group.positions(anchor)) == [start]
        for name in ("NTE", "ZZ1", "OBX"):
            for position in group.positions(name):
                inside = start <= position < end
                before_all = position < starts[0]
                of_all_charges = kind != "DFT^P11" and anchor in ("FT1", "PR1")
                assert inside or before_all or of_all_charges or _is_above(document, anchor, position)


def _is_above(document: Document, anchor: str, position: int) -> bool:
    """Behind an opener of groups, before the first anchor there."""
    names = {"ORC", "OBR", "RGS", "FT1", "PID"} - {anchor}
    openers = [at for name in names for at in document.positions(name) if at <= position]
    return bool(openers) and not any(max(openers) < at < position for at in document.positions(anchor))


def test_a_whole_list_of_notes_in_a_group():
    document = message("DFT^P03", "PID:p", "FT1:1", "NTE:a", "ZFT:z", "NTE:b", "FT1:2")
    first, second = groups(document, "FT1")
    assert [[fields[1] for fields in group.all("NTE")] for group in (first, second)] == [["a", "b"], []]


@given(
    st.lists(st.sampled_from(["PID", "PV1", "FT1", "ORC", "OBR", "OBX", "DG1", "NTE", "ZZ1"]), max_size=20),
    st.sampled_from(["FT1", "OBX", "OBR", "PV1", "ZZ1"]),
    st.sampled_from(["DFT^P03", "ORU^R01", "ADT^A17"]),
)
def test_no_group_ever_reads_another_patients_segments(segments, anchor, kind):
    """Each PID begins a patient; whatever a group reads after the first stands with its own."""
    patients, at = [], 0
    for name in segments:
        at += name == "PID"
        patients.append(at)
    document = message(kind, *(f"{name}:{patient}" for name, patient in zip(segments, patients, strict=True)))
    if segments.count("PID") < 2:
        return
    for group in groups(document, anchor):
        own = patients[group.positions(anchor)[0] - 1]
        for name in ("PID", "PV1", "FT1", "DG1", "OBX", "NTE", "ZZ1"):
            assert {patients[position - 1] for position in group.positions(name)} <= {own, 0}


def test_a_master_file_s_packagings_and_lots_see_their_own_item_vendor_and_location() -> None:
    document = message(
        "MFN^M16", "MFI:f", "MFE:1", "ITM:a", "VND:v", "PKG:p", "PKG:q", "VND:w", "PKG:r", "IVT:i", "ILT:l",
        "IVT:j", "ILT:m", "MFE:2", "MFE:3", "ITM:b", "PKG:s",
    )  # fmt: skip
    assert seen(document, "PKG", "VND") == ["v", "v", "w", "-"]
    assert seen(document, "PKG", "ITM") == ["a", "a", "a", "b"]
    assert seen(document, "PKG", "MFE") == ["1", "1", "1", "3"]
    assert seen(document, "ILT", "IVT") == ["i", "j"]
    assert seen(document, "IVT", "ITM") == ["a", "a"]
    assert seen(document, "MFE", "ITM") == ["a", "-", "b"]
    assert seen(document, "ITM", "IVT") == ["i", "-"]


def test_messages_of_one_shape_and_two_kinds_have_groups_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where groups stand is remembered by shape and kind, for a while."""
    monkeypatch.setattr("engine.hl7.groups.SHAPES", 2)
    for anchors in ("FT1:1 FT1:2", "FT1:3 FT1:4", "FT1:5"):
        for _ in range(2):
            p03, p11 = (message(kind, "PID:p", *anchors.split(), "DG1:d") for kind in ("DFT^P03", "DFT^P11"))
            assert set(seen(p03, "FT1", "DG1")) == {"d"}
            assert seen(p11, "FT1", "DG1")[:-1] == ["-"] * (len(anchors.split()) - 1)
            marks = [mark.partition(":")[2] for mark in anchors.split()]
            assert seen(p03, "FT1", "FT1") == seen(p11, "FT1", "FT1") == marks
