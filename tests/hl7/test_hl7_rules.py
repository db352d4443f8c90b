"""spec: hl7v2, section 1, row by row: what a receiver makes of what it did not expect, of emptiness and of
deletes (H1), of numbers, codes and ids (H1.4). H1.1 and H1.2: test_hl7_escape, -charset, -iso2022; H1.3:
test_hl7_times, tests/transforms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.document import DELETE, Document
from engine.hl7.path import Path

HEAD = "MSH|^~\\&|A|B|C|D|||{kind}|1|P|{version}\r"
VERSIONS = [
    "2.1",
    "2.2",
    "2.3",
    "2.3.1",
    "2.4",
    "2.5",
    "2.5.1",
    "2.6",
    "2.7",
    "2.7.1",
    "2.8",
    "2.8.1",
    "2.8.2",
]


def parse(body: str, kind: str = "ADT^A01", version: str = "2.5") -> Document:
    return Document.parse((HEAD.format(kind=kind, version=version) + body).encode())


def values(document: Document, *paths: str) -> list:
    return [document.value(Path.parse(path)) for path in paths]


def test_h1_what_nobody_expected_is_passed_over():
    plain = parse("PID|1||77^^^H^MR\rPV1|1|I\r")
    more = parse(
        "ZZ1|local\rQQQ|1|x\rPID|1||77^^^H^MR^extra^parts&and&more~88||"
        + "|x" * 60
        + "\rZP1|a\rPV1|1|I|||\rZZ2\r"
    )
    paths = ["PID-1", "PID-3", "PID-3.4", "PID-3.5", "PV1-2", "PV1-3", "PV1-50"]
    assert values(more, *paths) == values(plain, *paths)
    assert more.quirks == {}


def test_h1_local_segments_are_read_by_their_own_paths():
    document = parse("ZIM|1|LOT^A~LOT^B|" + "\\T\\|x&y\rZIM|2")
    assert values(document, "ZIM-2[2].2", "ZIM-3", "ZIM-4.1.2", "ZIM[2]-1") == ["B", "&", "y", "2"]
    assert values(parse("ZPI|1|a", kind="ZZZ^Z01"), "ZPI-2", "MSH-9.2") == ["a", "Z01"]


def test_h1_missing_is_empty_at_every_level():
    document = parse("PID|1||77^^^H\rPV1")
    assert (
        values(document, "PID-2", "PID-40", "PID-3.2", "PID-3.9", "PID-3[2]", "PID-3.4.2", "PV1-1", "OBX-1")
        == [None] * 8
    )


def test_h1_only_cr_and_line_feeds_end_a_segment():
    for mark in ("\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"):
        assert values(parse(f"NTE|1||a{mark}PID|2||88"), "NTE-3", "PID-3") == [f"a{mark}PID", None]


@pytest.mark.parametrize(
    ("field", "parts", "repetitions"),
    [
        ("", [None, None, None], 0),
        ('""', [DELETE, DELETE, DELETE], 1),
        ('^""', [None, DELETE, None], 1),
        ('a^""^', ["a", DELETE, None], 1),
        ('ISHPEMING^MI^""', ["ISHPEMING", "MI", DELETE], 1),
        ("^^", [None, None, None], 1),
        ('a~""', ["a", None, None], 2),
        ('""~a', [DELETE, DELETE, DELETE], 2),
    ],
)
def test_h1_three_states(field, parts, repetitions):
    document = parse(f"PID|1|{field}|x")
    assert values(document, "PID-2.1", "PID-2.2", "PID-2.3") == parts
    pid = document.first("PID")
    assert pid is not None
    assert len(document.repetitions(pid, 2)) == repetitions
    assert ("mixed_delete" in document.quirks) == (repetitions == 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_h1_every_version_is_read_alike(version):
    document = parse("PID|1|ext|77^^^H||DOE^JANE\rFT1|1|T|||20261121|CG|C^text^L\rZZ1|z", "DFT^P03", version)
    assert values(document, "PID-2", "PID-3", "PID-3.4", "FT1-7.3", "ZZ1-1") == ["ext", "77", "H", "L", "z"]
    assert document.header.version == version
    assert document.encode().endswith(b"ZZ1|z\r")


@pytest.mark.parametrize(
    "marks", ["|^~\\&", "|^~\\&#", "$%~\\&", "#@!*+", "|^~&", "|~^\\&", "*:;/,", "'\"`\\_", ":-+=%"]
)  # fmt: skip
def test_h1_any_delimiters(marks):
    field, component, repetition = marks[:3]
    escape, sub = ("", marks[3]) if marks == "|^~&" else (marks[3], marks[4])
    part = component.join(["a", f"b{sub}c", f"x{escape}T{escape}y"])
    head = field.join([f"MSH{marks}", "A", "B", *[""] * 4, f"ADT{component}A01", "1", "P", "2.5"])
    raw = f"{head}\rPID{field}1{field}{part}{repetition}2\r"
    document = Document.parse(raw.encode())
    read = f"x{sub}y" if escape else "xTy"
    assert values(document, "PID-2", "PID-2.2.2", "PID-2.3", "PID-2[2]", "MSH-9.2", "MSH-1") == [
        "a", "c", read, "2", "A01", field,
    ]  # fmt: skip
    assert document.encode() == raw.encode()


@given(st.lists(st.sampled_from(["", '""', "a", " "]), min_size=1, max_size=4), st.integers(1, 5))
def test_h1_a_component_says_what_it_says(parts, number):
    """Of a field of several components each says for itself; a field that is `""` says it for all."""
    text = "^".join(parts)
    found = values(parse(f"PID|1|{text}|x"), f"PID-2.{number}")[0]
    if text == '""':
        assert found is DELETE
    elif number > len(parts) or not parts[number - 1]:
        assert found is None
    else:
        assert found == (DELETE if parts[number - 1] == '""' else parts[number - 1])
