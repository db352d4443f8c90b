"""engine.hl7.acknowledgement and error_segments: the answers, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.hl7.accept import AcceptRules, check
from engine.hl7.acknowledgement import ControlIds, ErrorItem, build
from engine.hl7.document import Document
from engine.hl7.header import read_header
from engine.hl7.modes import plan
from engine.hl7.path import Path
from engine.model import Reason, ReasonCode

NOW = datetime(2026, 11, 21, 13, 5, 9, 123456, tzinfo=timezone(timedelta(hours=1)))
T = "20261121130509+0100"
RULES = AcceptRules(message_types=frozenset({"ADT^A01", "DFT^P03"}))


def message(
    kind="DFT^P03^DFT_P03", *, control_id="C1", processing_id="P", version="2.5", encoding="^~\\&",
    to="ENG|STORE", accept="", application="", charset="",
) -> bytes:  # fmt: skip
    return (
        f"MSH|{encoding}|EHR^1.2.3^ISO|HOSP|{to}|20261121120000||{kind}|{control_id}|{processing_id}|{version}"
        f"|||{accept}|{application}||{charset}\rPID|1||77^^^H^MR||M\xdcLLER\r"
    ).encode("latin-1")


def answer(raw: bytes, code="AA", **more) -> list[str]:
    """The answer's segments."""
    header = read_header(raw)
    more.setdefault("errors", ())
    built = build(
        header, code, control_id="N", now=NOW, own_application="WARDLINE^9^ISO", own_facility="HQ", **more
    )
    assert built.endswith(b"\r")
    return built.decode("latin-1").split("\r")[:-1]


def at_the_door(raw: bytes, rules=RULES) -> list[str]:
    """What intake says before storing: a refusal, or the answer to safe storage."""
    header = read_header(raw)
    ruling = check(header, rules)
    due = plan(header)
    if ruling is None:
        code = due.stored() or due.applied("accepted")
        return answer(raw, code) if code else []
    code = due.refused(ruling.answered) if ruling.answered else due.stored()
    return answer(raw, code, errors=[ErrorItem.of(ruling.reason)]) if code else []


def msh(kind="ACK^P03^ACK", version="2.5", to="ENG|STORE", encoding="^~\\&", processing_id="P", rest=""):
    return f"MSH|{encoding}|{to}|EHR^1.2.3^ISO|HOSP|{T}||{kind}|N|{processing_id}|{version}{rest}"


def test_a01_the_ordinary_answer():
    assert answer(message()) == [msh(), "MSA|AA|C1"]


def test_a19_the_fifth_delimiter_is_repeated():
    raw = message(encoding="^~\\&#", version="2.7")
    assert answer(raw) == [msh(encoding="^~\\&#", version="2.7"), "MSA|AA|C1"]
    segments = answer(raw, "AE", errors=[ErrorItem(101, "FT1[2]-10")])
    assert segments[1:] == ["MSA|AE|C1", "ERR||FT1^2^10|101^Required field missing^HL70357|E"]


@pytest.mark.parametrize("encoding", ["^~&", "^~\\\\&", "^~"])
def test_damaged_delimiters_are_repeated_as_they_came(encoding):
    assert answer(message(encoding=encoding)) == [msh(encoding=encoding), "MSA|AA|C1"]


def test_a20_other_delimiters():
    raw = b"MSH$%@!*$EHR%1$HOSP$ENG$STORE$20261121120000$$DFT%P03$C1$P$2.5\r"
    assert answer(raw) == [f"MSH$%@!*$ENG$STORE$EHR%1$HOSP${T}$$ACK%P03%ACK$N$P$2.5", "MSA$AA$C1"]
    error = answer(raw, "AE", errors=[ErrorItem(207, "FT1-10", "50$ too much")])[2]
    assert error == "ERR$$FT1%1%10$207%Application error%HL70357$E$$$$50!F! too much"


def test_a21_our_own_names_where_the_sender_names_nobody():
    assert answer(message(to="|"))[0] == msh(to="WARDLINE^9^ISO|HQ")
    assert answer(message(to="ENG|"))[0] == msh(to="ENG|HQ")


def test_a22_processing_mode():
    assert answer(message(processing_id="P^T"))[0] == msh(processing_id="P^T")


def test_a23_the_whole_version():
    assert answer(message(version="2.5^USA&&ISO3166"))[0] == msh(version="2.5^USA&&ISO3166")


@pytest.mark.parametrize(
    ("version", "kind", "expected"),
    [
        pytest.param("2.1", "ADT^A01", "ACK", id="2.1"),
        pytest.param("2.2", "ADT^A01", "ACK", id="A24"),
        pytest.param("2.3", "ADT^A01", "ACK^A01", id="A25"),
        pytest.param("2.3.1", "ADT^A01", "ACK^A01^ACK", id="A26"),
        pytest.param("2.5.1", "ADT^A01^ADT_A01", "ACK^A01^ACK", id="2.5.1"),
        pytest.param("2.5", "ADT", "ACK", id="A27"),
    ],
)
def test_message_type_of_the_answer(version, kind, expected):
    assert answer(message(kind, version=version))[0] == msh(expected, version)


def test_a28_unknown_type():
    assert at_the_door(message("XYZ^A01")) == [
        msh("ACK^A01^ACK"),
        "MSA|AR|C1",
        "ERR||MSH^1^9^1^1|200^Unsupported message type^HL70357|E",
    ]


def test_a29_unknown_event():
    assert at_the_door(message("ADT^A99"))[1:] == [
        "MSA|AR|C1",
        "ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E",
    ]


def test_a30_training_message_on_a_production_channel():
    assert at_the_door(message(processing_id="T"))[1:] == [
        "MSA|AR|C1",
        "ERR||MSH^1^11|202^Unsupported processing id^HL70357|E",
    ]


@pytest.mark.parametrize(("version", "echoed"), [("9.9", "9.9"), ("abc", "2.5.1")])
def test_a31_unsupported_version(version, echoed):
    assert at_the_door(message(version=version)) == [
        msh(version=echoed),
        "MSA|AR|C1",
        "ERR||MSH^1^12|203^Unsupported version id^HL70357|E",
    ]


def test_a32_errors_before_2_5():
    assert at_the_door(message(processing_id="T", version="2.4"))[1:] == [
        "MSA|AR|C1",
        "ERR|MSH^1^11^202&Unsupported processing id&HL70357",
    ]


def test_a33_control_id_missing():
    assert at_the_door(message(control_id=""))[1:] == [
        "MSA|AE|",
        "ERR||MSH^1^10|101^Required field missing^HL70357|E",
    ]


def test_a34_control_id_is_repeated_exactly():
    assert answer(message(control_id="A\\T\\B 1"))[1] == "MSA|AA|A\\T\\B 1"
    assert answer(message(control_id=" x" * 50 + " "))[1] == "MSA|AA|" + " x" * 50 + " "


BAD = "XYZ^A01"


@pytest.mark.parametrize(
    ("accept", "application", "ok", "bad"),
    [
        pytest.param("AL", "NE", "CA", "CR", id="A35"),
        pytest.param("ER", "NE", "", "CR", id="A39"),
        pytest.param("SU", "NE", "CA", "", id="A40"),
        pytest.param('""', "", "AA", "AR", id="A41"),
        pytest.param("AL", "", "CA", "CR", id="A42"),
        pytest.param("", "AL", "AA", "AR", id="A43"),
        pytest.param("NE", "NE", "", "", id="A38"),
    ],
)
def test_conditions(accept, application, ok, bad):
    for kind, code in (("DFT^P03^DFT_P03", ok), (BAD, bad)):
        segments = at_the_door(message(kind, accept=accept, application=application))
        assert (segments[1] if segments else "") == (f"MSA|{code}|C1" if code else "")
        assert not segments or segments[0] == msh("ACK^A01^ACK" if kind == BAD else "ACK^P03^ACK")


def test_a44_enhanced_refusal_of_a_version():
    segments = at_the_door(message(version="9.9", accept="AL"))
    assert segments[1:] == ["MSA|CR|C1", "ERR||MSH^1^12|203^Unsupported version id^HL70357|E"]


def test_a45_sequence_gap():
    assert answer(message(accept="AL"), "CE", expected_sequence=17)[1] == "MSA|CE|C1||17"
    assert answer(message(), "AA", expected_sequence=-1)[1] == "MSA|AA|C1||-1"


def test_a46_an_answer_is_not_answered():
    raw = message("ACK^A01^ACK").replace(b"PID|1", b"MSA|AA|5\rPID|1")
    assert at_the_door(raw) == []


def test_a47_an_answer_may_be_accepted():
    assert at_the_door(message("ACK^A01^ACK", accept="AL"))[1].startswith("MSA|CA|C1")


def test_a63_the_answer_is_in_the_charset_of_the_message():
    raw = message(charset="8859/1").replace(b"EHR^1.2.3", "ÄHR^1.2.3".encode("latin-1"))
    errors = [ErrorItem(103, "PID-5", "fixed phrase with ä")]
    built = build(
        read_header(raw), "AE", control_id="N", now=NOW, own_application="Ü", own_facility="", errors=errors
    )
    assert b"|\xc4HR^1.2.3^ISO|" in built
    assert built.split(b"\r")[0].endswith(b"|P|2.5||||||8859/1")
    assert (
        built.split(b"\r")[2] == b"ERR||PID^1^5|103^Table value not found^HL70357|E||||fixed phrase with \xe4"
    )
    assert b"LLER" not in built


@pytest.mark.parametrize("charset", ["DOE, JANE 19700101", "8859/1~JANE"])
def test_what_is_no_character_set_is_not_repeated(charset: str) -> None:
    """Whatever stands in MSH-18: the answer is in none that is called so."""
    assert answer(message(charset=charset))[0] == msh()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(b"T", "T"), (b"P^T", "P^T"), (b"D^", "D^"), (b"", ""), (b"DOE", "P"), (b"P^1970", "P"), (b"7", "P")],
)
def test_what_is_no_processing_id_is_not_repeated(sent: bytes, answered: str) -> None:
    """Whatever stands in MSH-11: the answer says a letter of table 0103, and of 0207."""
    raw = message().replace(b"|P|2.5", b"|%b|2.5" % sent)
    assert answer(raw)[0].split("|")[10] == answered


def test_the_first_character_set_may_be_left_out() -> None:
    assert answer(message(charset="~ISO IR87"))[0].endswith("||||||~ISO IR87")


@pytest.mark.parametrize(
    ("charset", "own"), [("UNICODE UTF-8", "Ü".encode()), ("8859/1", b"\xdc"), ("", b"?")]
)
def test_our_own_name_is_in_the_charset_of_the_message(charset, own):
    built = build(
        read_header(message(charset=charset, to="|")), "AA",
        control_id="N", now=NOW, own_application="Ü", own_facility="",
    )  # fmt: skip
    assert built.split(b"|")[2] == own


def test_a64_bytes_that_do_not_decode():
    raw = message(charset="UNICODE UTF-8")
    with pytest.raises(Unacceptable) as caught:
        Document.parse(raw)
    assert answer(raw, "AE", errors=[ErrorItem.of(caught.value)])[1:] == [
        "MSA|AE|C1",
        "ERR||MSH^1^18|102^Data type error^HL70357|E||||the bytes do not fit the character set",
    ]


def test_a65_undeclared_8_bit_text():
    document = Document.parse(message())
    assert document.value(Path.parse("PID-5")) == "MÜLLER"
    assert document.quirks == {"undeclared_8bit": 1}
    with pytest.raises(Unacceptable) as caught:
        Document.parse(message(), strict_charset=True)
    assert (caught.value.hl7, caught.value.place) == (102, "MSH-18")


def test_a67_no_usable_header():
    with pytest.raises(Unacceptable) as caught:
        read_header(b"MSH|^^^^|A|B|C|D|||ADT^A01|C1|P|2.5\r")
    built = build(
        None, "AR", control_id="N", now=NOW, own_application="W", own_facility="HQ",
        errors=[ErrorItem.of(caught.value)],
    )  # fmt: skip
    assert built.decode().split("\r")[:-1] == [
        f"MSH|^~\\&|W|HQ|||{T}||ACK|N|P|2.5.1",
        "MSA|AR|",
        "ERR||MSH^1^2|100^Segment sequence error^HL70357|E||||the delimiters are not distinct",
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.1", ["MSA|AE|C1|Required field missing", "ERR|101~207"]),
        ("2.2", ["MSA|AE|C1|Required field missing", "ERR|FT1^2^10^101~^^^207"]),
        ("2.3", ["MSA|AE|C1|Required field missing", "ERR|FT1^2^10^101~^^^207"]),
        (
            "2.3.1",
            [
                "MSA|AE|C1|Required field missing",
                "ERR|FT1^2^10^101&Required field missing&HL70357~^^^207&Application error&HL70357",
            ],
        ),
        (
            "2.4",
            [
                "MSA|AE|C1",
                "ERR|FT1^2^10^101&Required field missing&HL70357~^^^207&Application error&HL70357",
            ],
        ),
        *(
            (
                version,
                [
                    "MSA|AE|C1",
                    "ERR||FT1^2^10|101^Required field missing^HL70357|E",
                    "ERR|||207^Application error^HL70357|F||||broken \\T\\ gone",
                ],
            )
            for version in ("2.5", "2.5.1", "2.6", "2.7", "2.9")
        ),
    ],
)
def test_err_by_version(version, expected):
    errors = [ErrorItem(101, "FT1[2]-10"), ErrorItem(207, "", "broken & gone", "F")]
    assert answer(message(version=version), "AE", errors=errors)[1:] == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("FT1[2]-10", "FT1^2^10"),
        ("PID-3[2].4.1", "PID^1^3^2^4^1"),
        ("PID-3[2]", "PID^1^3^2"),
        ("PID-3.4", "PID^1^3^1^4"),
        ("PID", "PID^1"),
        ("MSH[2]", "MSH^2"),
        ("", ""),
        ("not a place", ""),
    ],
)
def test_places(place, expected):
    assert answer(message(), "AE", errors=[ErrorItem(102, place)])[2].split("|")[2] == expected


def test_without_subcomponents_the_old_shape_says_the_code_alone():
    raw = message(encoding="^~\\", version="2.4")
    assert answer(raw, "AE", errors=[ErrorItem(101, "PID-3")])[2] == "ERR|PID^1^3^101"


def test_an_error_item_of_a_reason():
    reason = Reason(code=ReasonCode.QUANTITY, text="no quantity", place="FT1-10", hl7=101)
    assert ErrorItem.of(reason) == ErrorItem(101, "FT1-10", "no quantity")


def test_time_is_the_answers_own():
    built = build(
        read_header(message()),
        "AA",
        control_id="N",
        now=NOW.astimezone(UTC),
        own_application="",
        own_facility="",
    )
    assert b"|20261121120509+0000||ACK" in built


def test_a_long_header_is_answered_and_not_remembered():
    assert answer(message(to="X" * 5000 + "|STORE"))[0] == msh(to="X" * 5000 + "|STORE")


def test_control_ids_are_short_unique_and_no_timestamp():
    ids = ControlIds(lambda bits: (1 << bits) - 1)
    assert [ids(), ids()] == ["77777777771", "77777777772"]
    one, other = ControlIds(lambda bits: 1), ControlIds(lambda bits: 2)
    made = {next_id() for next_id in (one, other) for _ in range(5000)}
    assert len(made) == 10_000
    assert all(len(text) <= 20 and text.isalnum() and text.isascii() for text in made)


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=20))
def test_the_answer_is_readable_by_our_own_document(application, control_id, version):
    clean = [part.translate(None, b"\r\n|") for part in (application, control_id, version)]
    raw = b"MSH|^~\\&|%b|B|C|D|||ADT^A01|%b|P|%b\r" % tuple(clean)
    header = read_header(raw)
    built = build(
        header, "AE", control_id="N", now=NOW, own_application="W", own_facility="H", errors=[ErrorItem(101)]
    )
    back = read_header(built)
    assert back.is_answer
    assert back.field(5) == clean[0]
    assert built.split(b"\r")[1].split(b"|")[2] == clean[1]
    assert built.count(b"\r") == 3
