"""A message as its populated leaves, each under the path that reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.document import DELETE, Document
from engine.hl7.path import Path
from engine.hl7.tree import leaves

HEADER = r"MSH|^~\&|A|B|||20260101||ADT^A01|1|P|2.5" + "\r"


def paths(text: str) -> list[tuple[str, str]]:
    document = Document.parse((HEADER + text).encode())
    return [(leaf.path, leaf.text) for leaf in leaves(document) if leaf.segment != "MSH"]


def test_simple_values_are_named_by_their_field() -> None:
    assert paths("PV1|1|I\r") == [("PV1-1", "1"), ("PV1-2", "I")]


def test_repetitions_components_and_sub_components_have_their_numbers() -> None:
    assert paths("PID|||77^^^H&1.2~78\r") == [
        ("PID-3.1", "77"),
        ("PID-3.4", "H"),
        ("PID-3.4.2", "1.2"),
        ("PID-3[2]", "78"),
    ]


def test_segments_that_come_again_are_counted() -> None:
    assert paths("FT1|1\rFT1|2\r") == [("FT1-1", "1"), ("FT1[2]-1", "2")]


def test_the_delete_indicator_and_escapes_are_shown() -> None:
    assert paths('NTE|1|""|a\\T\\b\r') == [("NTE-1", "1"), ("NTE-2", '""'), ("NTE-3", "a&b")]


def test_a_leaf_says_nothing_of_its_text() -> None:
    document = Document.parse((HEADER + "PID|||77\r").encode())
    assert "77" not in repr(list(leaves(document)))


@given(st.text(st.sampled_from('ab1^~&|\\" \r'), max_size=80))
def test_every_leaf_is_what_its_path_reads(text: str) -> None:
    document = Document.parse((HEADER + "ZZZ|" + text).encode())
    for leaf in leaves(document):
        value = document.value(Path.parse(leaf.path))
        assert leaf.text == ('""' if value is DELETE else value)
