"""Acknowledgement cases A19 to A34 and A63 to A67: what the answer repeats and what it says of errors."""

from __future__ import annotations

import pytest
from base_message import ADT, B1, a1, b1, is_answer
from flow_case import Case

WRONG_TYPE = "ERR||MSH^1^9^1^1|200^Unsupported message type^HL70357|E⏎"
WRONG_EVENT = "ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E⏎"
WRONG_ID = "ERR||MSH^1^11|202^Unsupported processing id^HL70357|E⏎"
WRONG_VERSION = "ERR||MSH^1^12|203^Unsupported version id^HL70357|E⏎"


def test_a19_five_encoding_characters(case: Case) -> None:
    sender = case.connect()
    head = rb"MSH|^~\&#"
    fine = b1("A19-1", msh12="2.7").replace(rb"MSH|^~\&", head)
    hashed = a1("A19-1", tail="P|2.7").replace(r"^~\&", r"^~\&#")
    assert is_answer(sender.ask(fine), hashed)
    wrong = b1("A19-2", msh12="2.7", msh11="T").replace(rb"MSH|^~\&", head)
    hashed = a1("A19-2", "AR", tail="T|2.7").replace(r"^~\&", r"^~\&#")
    assert is_answer(sender.ask(wrong), hashed + WRONG_ID)
    assert case.states() == ["delivered", "quarantined: processing-id"]


def test_a20_other_delimiters(case: Case) -> None:
    exchange = bytes.maketrans(b"|^", b"$%")
    message = b1("A20").translate(exchange)
    expected = r"MSH$%~\&$ENG$STORE$EHR%1.2.3%ISO$HOSP$<T>$$ACK%P03%ACK$<N>$P$2.5⏎MSA$AA$A20⏎"
    assert is_answer(case.ask(message), expected)
    assert case.is_one_delivery(message)


def test_a21_nobody_addressed(case: Case) -> None:
    message = b1("A21", msh5="", msh6="")
    ours = a1("A21").replace("|ENG|STORE|", "|WARDLINE^2.16.1^ISO|MAIN|")
    assert is_answer(case.ask(message), ours)
    assert case.is_one_delivery(message)


def test_a22_processing_mode(case: Case) -> None:
    message = b1("A22", msh11="P^T")
    assert is_answer(case.ask(message), a1("A22", tail="P^T|2.5"))
    assert case.is_one_delivery(message)


def test_a23_version_with_country(case: Case) -> None:
    message = b1("A23", msh12="2.5^USA&&ISO3166")
    assert is_answer(case.ask(message), a1("A23", tail="P|2.5^USA&&ISO3166"))
    assert case.is_one_delivery(message)


@pytest.mark.parametrize(
    ("name", "version", "type"),
    [("A24", "2.2", "ACK"), ("A25", "2.3", "ACK^A01"), ("A26", "2.3.1", "ACK^A01^ACK")],
)
def test_a24_a25_a26_type_of_the_answer(case: Case, name: str, version: str, type: str) -> None:
    answer = case.ask(b1(name, ADT, msh12=version))
    assert is_answer(answer, a1(name, type=type, tail=f"P|{version}"))
    assert case.states() == ["filtered"]
    assert case.effects() == []


def test_a27_type_without_event(case: Case) -> None:
    answer = case.ask(b1("A27", ADT, msh9="ADT"))
    assert is_answer(answer, a1("A27", "AR", type="ACK") + WRONG_EVENT)
    assert case.states() == ["quarantined: unknown-event"]


def test_a28_unknown_type(case: Case) -> None:
    answer = case.ask(b1("A28", ADT, msh9="XYZ^A01"))
    assert is_answer(answer, a1("A28", "AR", type="ACK^A01^ACK") + WRONG_TYPE)
    assert case.states() == ["quarantined: unknown-type"]


def test_a29_unknown_event(case: Case) -> None:
    answer = case.ask(b1("A29", ADT, msh9="ADT^A99"))
    assert is_answer(answer, a1("A29", "AR", type="ACK^A99^ACK") + WRONG_EVENT)
    assert case.states() == ["quarantined: unknown-event"]


def test_a30_training_message_in_production(case: Case) -> None:
    message = b1("A30", msh11="T")
    assert is_answer(case.ask(message), a1("A30", "AR", tail="T|2.5") + WRONG_ID)
    assert case.states() == ["quarantined: processing-id"]
    assert case.engine.content(case.stored()[0].id) == message
    assert case.effects() == []


@pytest.mark.parametrize(("version", "answered"), [("9.9", "9.9"), ("abc", "2.5.1")])
def test_a31_unknown_version(case: Case, version: str, answered: str) -> None:
    name = f"A31-{version}"
    answer = case.ask(b1(name, msh12=version))
    assert is_answer(answer, a1(name, "AR", tail=f"P|{answered}") + WRONG_VERSION)
    assert case.states() == ["quarantined: version"]


def test_a32_errors_of_an_old_version(case: Case) -> None:
    answer = case.ask(b1("A32", msh11="T", msh12="2.4"))
    error = "ERR|MSH^1^11^202&Unsupported processing id&HL70357⏎"
    assert is_answer(answer, a1("A32", "AR", tail="T|2.4") + error)
    assert case.states() == ["quarantined: processing-id"]


def test_a33_no_control_id(case: Case) -> None:
    answer = case.ask(b1(""))
    assert is_answer(answer, a1("", "AE") + "ERR||MSH^1^10|101^Required field missing^HL70357|E⏎")
    assert case.states() == ["quarantined: missing-field"]


def test_a34_control_id_comes_back_as_it_was(case: Case) -> None:
    name = r"A\T\B 1"
    message = b1(name)
    assert is_answer(case.ask(message), a1(name))
    assert case.is_one_delivery(message)


def test_a63_answer_in_the_character_set_of_the_message(case: Case) -> None:
    message = b1("A63", msh11="T", msh18="8859/1", msh5="KÜCHE").replace(b"DOE", b"M\xdcLLER")
    expected = a1("A63", "AR", tail="T|2.5||||||8859/1").replace("|ENG|", "|KÜCHE|")
    assert is_answer(case.ask(message), expected + WRONG_ID)
    assert case.states() == ["quarantined: processing-id"]


def test_a64_bytes_that_the_character_set_does_not_have(case: Case) -> None:
    message = b1("A64", msh18="UNICODE UTF-8").replace(b"DOE", b"M\xdcLLER")
    expected = a1("A64", "AE", tail="P|2.5||||||UNICODE UTF-8")
    assert is_answer(
        case.ask(message),
        expected + "ERR||MSH^1^18|102^Data type error^HL70357|E||||the bytes do not fit the character set⏎",
    )
    assert case.states() == ["quarantined: charset"]
    assert case.engine.content(case.stored()[0].id) == message


def test_a65_undeclared_eight_bit_text(case: Case) -> None:
    before = case.engine.counted("undeclared_8bit")
    message = b1("A65").replace(b"DOE", b"M\xdcLLER")
    assert is_answer(case.ask(message), a1("A65"))
    assert case.engine.counted("undeclared_8bit") - before == 1
    assert case.is_one_delivery(message)


def test_a65_undeclared_utf_8(case: Case) -> None:
    """`Á` in UTF-8 holds a byte that cp1252 does not have."""
    message = b1("A65-utf-8").replace(b"DOE", "ÁLVAREZ".encode())
    assert is_answer(case.ask(message), a1("A65-utf-8"))
    assert case.is_one_delivery(message)


@pytest.mark.parametrize(
    ("message", "place", "words"),
    [
        (b"MSH|^^^^|A|B|C|D", "MSH^1^2", "the delimiters are not distinct"),
        (b"MSH|^~", "MSH^1", "the header is cut short"),
        (b"PID|1||4711987", "MSH^1", "there is no message header"),
        (b"", "MSH^1", "there is no message header"),
        (b"MSH|^~\\&", "MSH^1", "the header is cut short"),
    ],
    ids=["equal", "short", "no MSH", "empty", "bare"],
)
def test_a67_no_usable_header(case: Case, message: bytes, place: str, words: str) -> None:
    own = r"MSH|^~\&|WARDLINE^2.16.1^ISO|MAIN|||<T>||ACK|<N>|P|2.5.1⏎MSA|AR|⏎"
    error = f"ERR||{place}|100^Segment sequence error^HL70357|E||||{words}⏎"
    assert is_answer(case.ask(message), own + error)
    assert case.states() == ["quarantined: not-hl7"]


def test_a67_three_in_a_row_close_the_connection(case: Case) -> None:
    sender = case.connect()
    assert sender.ask(b"MSH|^^^^|1") is not None
    assert is_answer(sender.ask(b1("A67-between")), a1("A67-between"))
    for number in range(3):
        answer = sender.ask(b"MSH|^^^^|" + bytes([65 + number]))
        assert answer is not None
        assert b"MSA|AR|\r" in answer
    assert sender.answer() is None
    assert len(case.stored()) == 5


def test_a01_answers_have_ids_of_their_own(case: Case) -> None:
    sender = case.connect()
    answers = [sender.ask(b1(f"A01-{number}", B1)) for number in range(20)]
    ids = {answer.split(b"|")[9] for answer in answers if answer}
    assert len(ids) == 20
    assert all(len(one) <= 20 for one in ids)
