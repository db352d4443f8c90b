"""engine.hl7.document, reading and path."""

from __future__ import annotations

import pytest

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import DELETE, Document
from engine.hl7.path import Path

HEAD = "MSH|^~\\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000||ADT^A01|C1|P|2.5"


def parse(*segments: str, end: str = "\r", head: str = HEAD) -> Document:
    return Document.parse(end.join([head, *segments, ""]).encode())


def read(document: Document, path: str):
    return document.value(Path.parse(path))


PID = 'PID|1||77^^^H&1.2&ISO^MR~123456^^^SSA^SS||DOE^JANE^^^""|""|19700101'


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("PID-1", "1"),
        ("PID-2", None),
        ("PID-3", "77"),
        ("PID-3.1", "77"),
        ("PID-3.2", None),
        ("PID-3.4", "H"),
        ("PID-3.4.2", "1.2"),
        ("PID-3.4.4", None),
        ("PID-3.9", None),
        ("PID-3[2]", "123456"),
        ("PID-3[2].5", "SS"),
        ("PID-3[3]", None),
        ("PID-1[2]", None),
        ("PID-1.2", None),
        ("PID-1.1.2", None),
        ("PID-5.5", DELETE),
        ("PID-5.5.2", DELETE),
        ("PID-6", DELETE),
        ("PID-6.3.2", DELETE),
        ("PID-6[2]", None),
        ("PID-7", "19700101"),
        ("PID-8", None),
        ("PID-99", None),
        ("PV1-2", None),
        ("PID[2]-1", None),
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-2.2", None),
        ("MSH-3", "EHR"),
        ("MSH-3.3", "ISO"),
        ("MSH-9.2", "A01"),
        ("MSH-12", "2.5"),
    ],
)
def test_three_states_of_a_leaf(path, value):
    assert read(parse(PID), path) == value


def test_occurrences_and_lists():
    document = parse(PID, "OBX|1", "NTE|1|a", "OBX|2")
    assert read(document, "OBX[2]-1") == "2"
    assert [fields[1] for fields in document.all("OBX")] == ["1", "2"]
    pid = document.first("PID")
    assert pid is not None
    found = document.repetitions(pid, 3)
    assert found == ["77^^^H&1.2&ISO^MR", "123456^^^SSA^SS"]
    assert [document.part(text, 5) for text in found] == ["MR", "SS"]
    assert document.part(found[0], 4, 2) == "1.2"
    assert document.components(found[1]) == ["123456", "", "", "SSA", "SS"]
    assert document.subcomponents("H&1.2&ISO") == ["H", "1.2", "ISO"]
    assert document.repetitions(pid, 2) == document.repetitions(pid, 50) == []
    assert [fields[0] for fields in document.segments()] == ["MSH", "PID", "OBX", "NTE", "OBX"]
    assert document.nth("OBX", 3) is None
    assert document.first("ZZZ") is None
    assert document.place(Path.parse("PID-3.1")) == "PID-3.1"


def test_repr_shows_no_content():
    assert repr(parse(PID)) == "Document(2 segments)"
    assert repr(DELETE) == "DELETE"


@pytest.mark.parametrize(
    ("end", "quirks"), [("\r", {}), ("\n", {"line_feeds": 1}), ("\r\n", {"line_feeds": 1})]
)
def test_a18_line_ends(end, quirks):
    document = parse(PID, "", "PV1|1|I", end=end)
    assert (len(document), document.quirks) == (3, quirks)
    assert read(document, "PV1-2") == "I"


def test_mixed_line_ends_and_blank_lines():
    document = Document.parse(f"{HEAD}\r\n{PID}\n\n  \nPV1|1|I\r".encode())
    assert read(document, "PV1-2") == "I"
    assert len(document) == 3


def test_odd_lines_are_counted_and_never_joined():
    document = parse("  pid|1||77", "wrapped text of a note", "x|y", "PV1", "ZZ1|a", "PV2 ", "1BC|x", "\x00")
    assert read(document, "PID-3") == "77"
    assert read(document, "ZZ1-1") == "a"
    assert document.first("PV1") == ["PV1"]
    assert document.first("PV2") == ["PV2"]
    assert document.quirks == {"indented_segment": 1, "lower_case_segment": 1, "stray_line": 4}


def test_byte_order_mark_leading_blanks_and_undeclared_text():
    document = Document.parse("\ufeff".encode() + f"{HEAD}\rPID|1||||MÜLLER\r".encode())
    assert read(document, "PID-5") == "MÜLLER"
    assert document.codec == "utf-8"
    assert document.quirks == {"byte_order_mark": 1}
    document = Document.parse(f"\r\n{HEAD}\rPID|1||||MÜLLER\r".encode("cp1252"))
    assert read(document, "PID-5") == "MÜLLER"
    assert document.quirks == {"leading_blanks": 1, "undeclared_8bit": 1}


def test_channel_charset():
    raw = f"{HEAD}\rPID|1||||Łódź\r".encode("iso8859-2")
    assert read(Document.parse(raw, default_charset="8859/2"), "PID-5") == "Łódź"
    with pytest.raises(Unacceptable):
        Document.parse(raw, strict_charset=True)


def test_escapes_are_read_once_per_leaf_and_unknown_ones_counted():
    document = parse("NTE|1||A\\T\\B|C:\\TEMP|\\E\\T\\E\\|x\\S\\y^z|\\H\\")
    assert read(document, "NTE-3") == "A&B"
    assert read(document, "NTE-4") == "C:\\TEMP"
    assert read(document, "NTE-5") == "\\T\\"
    assert read(document, "NTE-6.1") == "x^y"
    assert read(document, "NTE-7") is None
    assert document.quirks == {"unknown_escape": 1}


def test_only_vertical_and_form_feed_do_not_end_a_segment():
    assert read(parse("NTE|1||a\x0bb\x0cc\x1cd\x85e"), "NTE-3") == "a\x0bb\x0cc\x1cd\x85e"


def test_a20_other_delimiters():
    document = Document.parse(b"MSH$%@!*$A%1$B$C$D$$$ADT%A01$C1$P$2.5\rPID$1$$7%%%H*x@8$!F!\r")
    assert [read(document, path) for path in ("PID-3.4.2", "PID-3[2]", "PID-4", "MSH-2")] == [
        "x",
        "8",
        "$",
        "%@!*",
    ]


def test_lost_and_absent_delimiters():
    document = Document.parse(b"MSH|^~&|A|B|C|D|||ADT^A01|C1|P|2.5\rPID|1|x\\T\\y|a&b\r")
    assert [read(document, path) for path in ("PID-2", "PID-3", "PID-3.1.2")] == ["x\\T\\y", "a", "b"]
    document = Document.parse(b"MSH|^~|A|B|C|D|||ADT^A01|C1|P|2.5\rPID|1|x\\T\\y|a&b\r")
    assert [read(document, path) for path in ("PID-2", "PID-3", "PID-3.1.2")] == ["x\\T\\y", "a&b", None]
    assert document.subcomponents("a&b") == ["a&b"]
    assert document.quirks == {"short_encoding": 1}


def test_a_second_header_is_refused():
    with pytest.raises(Unacceptable) as caught:
        parse(PID, HEAD, PID)
    assert (caught.value.code, caught.value.place) == ("structure", "MSH[2]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PID",
        "PID-",
        "pid-3",
        "PID-0",
        "PID-3.0",
        "PID-3[0]",
        "PID.3",
        "PIDX-3",
        "PID-3.1.1.1",
        "PID-1000",
        "PID-3 ",
        "1ID-3",
        "PID-٣",
    ],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(Misconfigured):
        Path.parse(text)


def test_a_path_knows_its_parts():
    path = Path.parse("FT1[3]-7[2].4.1")
    assert (path.segment, path.occurrence, path.field, path.repetition) == ("FT1", 3, 7, 2)
    assert (path.component, path.subcomponent, str(path)) == (4, 1, "FT1[3]-7[2].4.1")
    assert Path.parse("FT1[3]-7[2].4.1") is path
