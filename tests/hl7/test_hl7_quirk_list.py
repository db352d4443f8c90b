"""The quirks of spec: hl7v2, section 4, by number (Q01 to Q20): what real senders do, through the shipped
charges channel where it is about charges. Q10, Q14: tests of courses; Q06, Q07: also tests/privacy."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path as File

import pytest

from engine.config.cases.aliases import AliasBook
from engine.config.loading import load_channel
from engine.effects import Charge
from engine.errors import Unacceptable
from engine.hl7.accept import AcceptRules, check
from engine.hl7.document import DELETE, Document
from engine.hl7.groups import groups
from engine.hl7.header import read_header
from engine.hl7.path import Path
from engine.hl7.times import moment
from engine.model import Dead, Routed, Routing, StoredMessage
from engine.pipeline import route

ROOT = File(__file__).parents[2]
HEAD = "MSH|^~\\&|HIS|GENERAL|W|GENERAL|20261121101500||{kind}|1|P|{version}\r"
VISIT = "PID|1||50001^^^GENERAL^MR||TESTMANN^TESSA\rPV1|1|I|ICU^12^1^GENERAL||||||||||||||||V-7001\r"
CHARGE = "FT1|{n}|T-{n}||20261121||CG|270001|||{quantity}||{price}\r"


def parse(body: str, kind: str = "ADT^A01", version: str = "2.5") -> Document:
    return Document.parse((HEAD.format(kind=kind, version=version) + body).encode())


def value(document: Document, path: str):
    return document.value(Path.parse(path))


@pytest.fixture(scope="module")
def charged() -> Callable[..., Routing]:
    """What the shipped charges channel makes of a message."""
    program = load_channel(ROOT / "channels" / "dft-charges.yaml").program

    def routed(raw: bytes) -> Routing:
        (routing,) = route([StoredMessage(1, program.channel, raw, 0.0)], program, AliasBook())
        return routing

    return routed


def dft(*charges: str, kind: str = "DFT^P03", version: str = "2.5") -> bytes:
    return (HEAD.format(kind=kind, version=version) + VISIT + "".join(charges)).encode()


def charges_of(routing: Routing) -> list[Charge]:
    assert isinstance(routing.result, Routed), routing.result
    return [effect for effect in routing.result.effects if isinstance(effect, Charge)]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\n", "  \r", "|\r", "||  |\r\n"])
def test_q01_line_ends_blank_lines_and_what_trails(end, charged):
    raw = dft(CHARGE.format(n=1, quantity=2, price="3.50")).replace(b"\r", end.encode())
    (charge,) = charges_of(charged(raw))
    assert (charge.item.code, charge.item.quantity) == ("CHG-GLV-M", Decimal(2))
    assert charge.price is not None
    assert charge.price.amount == Decimal("3.50")


def test_q01_lower_case_segment_ids(charged):
    raw = (
        dft(CHARGE.format(n=1, quantity=2, price="3.50")).replace(b"FT1|", b"ft1|").replace(b"PID|", b"Pid|")
    )
    routing = charged(raw)
    assert len(charges_of(routing)) == 1
    assert [one.text for one in routing.warnings] == ["a segment id in lower case (2 times)"]


@pytest.mark.parametrize(
    "kind", ["DFT^P03", "DFT^P03^DFT_P03", "DFT^P03^DFT_P11", "DFT^P03^ADT_A01", "DFT^P03^"]
)
def test_q02_a_wrong_or_missing_structure_changes_nothing(kind, charged):
    assert len(charges_of(charged(dft(CHARGE.format(n=1, quantity=1, price=1), kind=kind)))) == 1
    rules = AcceptRules(message_types=frozenset({"DFT^P03"}))
    assert check(read_header(HEAD.format(kind=kind, version="2.5").encode()), rules) is None


def test_q02_charges_under_another_type_are_what_their_type_says():
    rules = AcceptRules(message_types=frozenset({"DFT^P03"}))
    refused = check(read_header(HEAD.format(kind="ORU^R01", version="2.5").encode()), rules)
    assert refused is not None
    assert (refused.answered, refused.reason.hl7) == ("rejected", 200)


@pytest.mark.parametrize(
    "version", ["", "2.3.1 ", "2.5^^", "v2.5", " 2.4", "2.6.1", "2.7.1", "2.9", "2.5^FRA^2.5"]
)
def test_q03_versions_as_they_are_written(version, charged):
    rules = AcceptRules(message_types=frozenset({"DFT"}))
    assert check(read_header(HEAD.format(kind="DFT^P03", version=version).encode()), rules) is None
    raw = dft(CHARGE.format(n=1, quantity=3, price=1), version=version)
    assert charges_of(charged(raw))[0].item.quantity == 3


@pytest.mark.parametrize("version", ["3.0", "1.9", "2", "FHIR", "2.5.1.1"])
def test_q03_what_is_no_version_is_203(version):
    refused = check(read_header(HEAD.format(kind="DFT^P03", version=version).encode()), AcceptRules())
    assert refused is not None
    assert refused.reason.hl7 == 203


@pytest.mark.parametrize("control_id", ["1", "A B", " 7", "x" * 199, "20261121101500.000001-HOSP-HIS", "Ü"])
def test_q04_a_control_id_is_what_it_is(control_id):
    header = read_header(f"MSH|^~\\&|A|B|C|D|||ADT^A01|{control_id}|P|2.5\r".encode())
    assert header.control_id == control_id.encode()
    assert header.has_control_id


def test_q05_ascii_declared_and_cp1252_sent_is_refused():
    raw = HEAD.format(kind="ADT^A01", version="2.5||||||ASCII").encode() + "PID|1||||MÜLLER".encode("cp1252")
    with pytest.raises(Unacceptable) as caught:
        Document.parse(raw)
    assert (caught.value.code, caught.value.hl7) == ("charset", 102)


def test_q05_a_byte_order_mark_before_utf_8():
    document = Document.parse(
        b"\xef\xbb\xbf" + (HEAD.format(kind="ADT^A01", version="2.5") + "PID|1||||Ü").encode()
    )
    assert value(document, "PID-5") == "Ü"


def test_q06_two_quotes_in_every_field():
    document = parse("PV1|" + "|".join(['""'] * 50))
    for number in range(1, 51):
        assert value(document, f"PV1-{number}") is DELETE
        assert value(document, f"PV1-{number}.3.2") is DELETE
    for text in ('"', '"""', '""x', ' ""', '"" ', "''"):  # only the two quotes alone say so
        assert value(parse(f"PV1|{text}"), "PV1-1") == text


def test_q06_two_quotes_by_level():
    document = parse('PID|1|a~""|x^""^y|p&""&q^r|""^b')
    paths = ["PID-2", "PID-2[2]", "PID-3.2", "PID-3.3", "PID-4.1.2", "PID-4.1.3", "PID-5", "PID-5.2"]
    assert [value(document, path) for path in paths] == ["a", DELETE, DELETE, "y", DELETE, "q", DELETE, "b"]


@pytest.mark.parametrize("word", ["NULL", "null", "N/A", "UNKNOWN", "."])
def test_q06_words_for_nothing_are_text_and_no_visit(word, charged):
    assert value(parse(f"PV1|1|{word}"), "PV1-2") == word
    routing = charged(dft(CHARGE.format(n=1, quantity=1, price=1)).replace(b"V-7001", word.encode()))
    assert isinstance(routing.result, Dead)
    assert routing.result.reason.code == "missing-field"
    assert ("a word that stands for no number", "PV1-19") in {
        (one.text, one.place) for one in routing.warnings
    }


def test_q07_ten_numbers_are_ten_repetitions():
    document = parse("PID|1||" + "~".join(f"{n:04}^^^H{n}^MR" for n in range(10)))
    assert [value(document, f"PID-3[{n + 1}]") for n in range(10)] == [f"{n:04}" for n in range(10)]
    assert value(document, "PID-3[10].4") == "H9"


@pytest.mark.parametrize("name", ["BABY BOY OF JANE", "ZZTEST^PATIENT", "O'NEIL^J&K", "DE LA \\T\\ CRUZ"])
def test_q08_names_never_come_out(name, charged):
    routing = charged(dft(CHARGE.format(n=1, quantity=1, price=1)).replace(b"TESTMANN^TESSA", name.encode()))
    said = repr(routing) + repr(charges_of(routing))
    assert not any(part in said for part in ("BABY", "ZZTEST", "NEIL", "CRUZ"))


@pytest.mark.parametrize(
    ("place", "read"), [("ICU^12^", ("ICU", "12")), ("ICU-12", ("ICU-12", None)), ("^12", (None, "12"))]
)
def test_q09_places_are_read_as_written(place, read):
    document = parse(f"PV1|1|IP|{place}")
    assert (value(document, "PV1-3.1"), value(document, "PV1-3.2")) == read


def test_q11_two_hundred_charges_with_one_set_id(charged):
    charges = "".join(
        CHARGE.format(n=n, quantity=1, price="1.00").replace(f"FT1|{n}|", "FT1|1|") for n in range(200)
    )
    assert len(charges_of(charged(dft(charges)))) == 200


@pytest.mark.parametrize(
    ("quantity", "found"),
    [("1.0", "1"), ("+1", "1"), ("01", "1"), ("1,0", "bad-value"), ("1e1", "bad-value"), ("one", "bad-value"),
     ("", "missing-field"), ('""', "missing-field"), ("0", "quantity")],
)  # fmt: skip
def test_q12_quantities(quantity, found, charged):
    routing = charged(dft(CHARGE.format(n=1, quantity=quantity, price="1.00")))
    if isinstance(routing.result, Dead):
        assert (routing.result.reason.code, routing.result.reason.place) == (found, "FT1[1]-10")
    else:
        assert charges_of(routing)[0].item.quantity == Decimal(found)


@pytest.mark.parametrize(
    ("price", "found"),
    [("12.50^USD", ("12.50", "USD")), ("12.50&USD", ("12.50", "USD")), ("12.50&usd^UP", ("12.50", "USD")),
     ("12.50^UP", ("12.50", "")), ("&USD", None), ("", None), ('""', None)],
)  # fmt: skip
def test_q12_prices(price, found, charged):
    (charge,) = charges_of(charged(dft(CHARGE.format(n=1, quantity=1, price=price))))
    assert (charge.price and (str(charge.price.amount), charge.price.currency)) == found


def test_q13_a_range_is_two_moments():
    document = parse("FT1|1|T||20261121230000^20261122010000||CG", "DFT^P03")
    assert value(document, "FT1-4") == value(document, "FT1-4.1") == "20261121230000"
    assert value(document, "FT1-4.2") == "20261122010000"


def test_q13_over_midnight_the_service_is_of_its_start(charged):
    raw = dft(CHARGE.format(n=1, quantity=1, price=1)).replace(
        b"|20261121||CG", b"|20261121230000^20261122010000||CG"
    )
    assert str(charges_of(charged(raw))[0].date) == "2026-11-21"


@pytest.mark.parametrize("date", ["19000101", "99991231", "00000000", "20260230", "2026", "21.11.2026"])
def test_q13_dates_that_cannot_be_meant_stop_the_message(date, charged):
    routing = charged(
        dft(CHARGE.format(n=1, quantity=1, price=1)).replace(b"|20261121||CG", f"|{date}||CG".encode())
    )
    assert isinstance(routing.result, Dead)
    assert (routing.result.reason.code, routing.result.reason.place) == ("bad-value", "FT1[1]-4")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a\\.br\\b", "a\nb"),
        ("a\\X0D\\b", "a\rb"),
        ("a\\X0A0D\\b", "a\n\rb"),
        ("C:\\TEMP\\new", "C:\\TEMP\\new"),
        ("100\\", "100\\"),
        ("\\T", "\\T"),
        ("\\E\\T\\E\\", "\\T\\"),
        ("\\Zlocal\\", "\\Zlocal\\"),
        ("\\e\\", "\\e\\"),
    ],
)
def test_q15_escapes(written, read):
    assert value(parse(f"NTE|1||{written}|F"), "NTE-3") == read
    assert value(parse(f"NTE|1||{written}|F"), "NTE-4") == "F"


def test_q15_an_ampersand_that_was_not_escaped_splits():
    document = parse("AIS|1||S&P^x")
    assert [value(document, path) for path in ("AIS-3", "AIS-3.1.2", "AIS-3.2")] == ["S", "P", "x"]


def test_q16_a_note_after_msh_belongs_to_no_charge():
    document = parse(f"NTE|1||head\r{VISIT}FT1|1|T\rNTE|1||of the charge\rFT1|2|T\r", "DFT^P03")
    first, second = groups(document, "FT1")
    assert first.value(Path.parse("NTE-3")) == "of the charge"
    assert [list(group.positions("NTE")) for group in (first, second)] == [[5], [1]]


def test_q17_the_order_of_segments_is_the_senders(charged):
    charge = CHARGE.format(n=1, quantity=2, price=1) + "PR1|1||47562\r"
    raw = (HEAD.format(kind="DFT^P03", version="2.5") + charge + VISIT).encode()
    (found,) = charges_of(charged(raw))
    assert found.item.quantity == 2


def cpu(work: Callable[[], object]) -> float:
    """Seconds of this thread, the best of three."""
    spent = []
    for _ in range(3):
        started = time.thread_time()
        work()
        spent.append(time.thread_time() - started)
    return min(spent)


PDF = base64.b64encode(random.Random(1).randbytes(3_750_000)).decode()
WRAPPED = PDF.replace("AA", "A\\.br\\")
HEAVY = {
    "Q18 a PDF of 5 MB": f"OBX|1|ED|PDF^report||^AP^^Base64^{PDF}||||||F\r",
    "Q18 a PDF of 5 MB with its lines wrapped": f"OBX|1|ED|PDF^report||^AP^^Base64^{WRAPPED}\r",
    "Q18 a note of 1 MB of escapes": "NTE|1||" + "\\T\\" * 340_000 + "\r",
    "Q18 a note of 1 MB of switches": "NTE|1||" + "\\C2842\\" * 150_000 + "\r",
    "Q18 a note of 1 MB of backslashes": "NTE|1||" + "\\" * 1_000_000 + "\r",
    "Q18 a note of 1 MB in a second set": "NTE|1||" + "\x1b-BX\x1b-A" * 140_000 + "\r",
    "Q19 20,000 numbers of one person": "PID|1||" + "123456^^^H^MR~" * 20_000 + "\r",
    "Q19 1,000 numbers of one person": "PID|1||" + "123456^^^H^XX~" * 998 + "77^^^H^MR\r",
    "Q19 10,000 segments": "NTE|1|L|text\r" * 9_990,
    "Q19 4,000 charges": "".join(CHARGE.format(n=n, quantity=1, price=1) for n in range(4_000)),
    "Q19 1,000 fields": "ZZZ" + "|x" * 999 + "\r",
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
def test_q18_q19_nothing_is_slower_than_a_second_a_megabyte(body, charged):
    """Parsed, read at every leaf of the last field of each segment, written again, and mapped, for which
    each charge has a fifth of a millisecond."""
    head = HEAD.format(kind="DFT^P03", version="2.5||||||8859/1~8859/2")
    raw = (head + VISIT + body).encode("latin-1")

    def work() -> None:
        document = Document.parse(raw)
        for fields in document.segments():
            document.leaf(fields, len(fields) - 1)
        document.encode()
        charged(raw)

    assert cpu(work) < max(len(raw) / 1e6, 0.25) + raw.count(b"FT1|") * 0.0002


def test_q19_too_many_numbers_are_a_dead_letter_with_its_place(charged):
    raw = dft(CHARGE.format(n=1, quantity=1, price=1)).replace(b"50001^", b"1^^^H^MR~" * 20_000 + b"50001^")
    routing = charged(raw)
    assert isinstance(routing.result, Dead)
    assert (routing.result.reason.code, routing.result.reason.place) == ("structure", "PID-3")


@pytest.mark.parametrize("raw", [b"MSH", b"MSH|", b"MSH|^~\\&", b"MSH|^~\\&|", b"MSH\r", b"MSH|^~\\&|\n"])
def test_q20_a_header_cut_short_is_refused_or_read_and_never_fails(raw):
    try:
        header = read_header(raw)
    except Unacceptable as error:
        assert error.hl7 == 100  # noqa: PT017 - both ends are right, for different bytes
    else:
        assert len(raw.strip()) >= len(b"MSH|^~\\&|")
        assert (header.type, header.has_control_id) == ("", False)


def test_h1_3_a_channel_and_a_message_say_the_zone():
    from zoneinfo import ZoneInfo

    for text, hour in (("2026112112", 11), ("2026112112+0530", 6), ("2026112112Z", 12)):
        assert moment(text, ZoneInfo("Europe/Berlin")).start.utctimetuple().tm_hour == hour
