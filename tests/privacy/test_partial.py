"""What passes of a value in part (spec: PHI, sections 2 and 3): years, ZIP codes, devices, numbers, texts."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.cases.aliases import AliasBook
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.harvest import Harvester
from engine.privacy.partial import ELDERLY, device_identifier, measured, year, zip3
from engine.privacy.policy import Change, Policy
from engine.privacy.readers import Readers
from engine.privacy.redaction import Redaction
from engine.privacy.rules import Forbidden
from engine.privacy.scanner import LONGEST, MARK, Scanner

SPARSE = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878", "879", "884",
    "890", "893",
]  # fmt: skip
HEAD = "MSH|^~\\&|LAB|HOSP|||20261121||ORU^R01|C1|P|2.5.1\r"
PERSON = (
    "PID|1||0050001^^^HOSP^MR||TESTMANN^TESSA^Q||19340131|F|||9 SAMPLE WAY^^TESTVILLE^NY^{zip}^{country}||"
    "(555) 010-0199\r"
)
BOOK = AliasBook()


def changed(*paths_and_treatments: str, codes: tuple[str, ...] = ()) -> Policy:
    pairs = [one.split(" ") for one in paths_and_treatments]
    return Policy([Change(path, to, "needed here", "Officer", codes) for path, to in pairs])  # type: ignore[arg-type]


def read(policy: Policy, path: str, raw: str, this_year: int = 2026) -> Any:
    return Readers(policy, now=lambda: this_year).reader(path, "value")(Document.parse(raw.encode()), BOOK)


# years


@given(st.dates(date(1850, 1, 1), date(2026, 12, 31)), st.integers(2020, 2060))
def test_a_year_passes_and_nobody_above_89_is_told_by_it(born: date, now: int) -> None:
    told = year(f"{born:%Y%m%d}", now)
    if now - born.year > 89:
        assert told == ELDERLY
    else:
        assert told == str(born.year)
    assert year(f"{born:%Y%m%d}") == str(born.year)


@pytest.mark.parametrize("text", ["", "193", "19xx0131", "١٩٣٤", "unknown"])
def test_what_is_no_year_is_nothing(text: str) -> None:
    assert year(text, 2026) is None


def test_a_channel_reads_the_year_of_birth_in_bands() -> None:
    policy, raw = changed("PID-7 year"), HEAD + PERSON.format(zip="", country="")
    assert [read(policy, "PID-7", raw, now) for now in (2023, 2024, 2026)] == ["1934", ELDERLY, ELDERLY]
    with pytest.raises(Forbidden):
        read(policy, "PID-7.1.2", raw)
    for use in ("test", "date", "sequence"):
        with pytest.raises(Forbidden):
            Readers(policy).reader("PID-7", use)  # type: ignore[arg-type]


def test_the_year_of_a_birth_in_fhir_is_banded_too() -> None:
    change = Change("Patient.birthDate", "year", "needed here", "Officer")
    readers = FhirReaders(FhirPolicy([change]), now=lambda: 2026)
    told = readers.reader("Patient.birthDate", "value")
    for born, expected in (("1934-01-31", ELDERLY), ("1970-05", "1970"), ("", None)):
        assert told(Resource("R4", "Patient", "1", 1, {"birthDate": born}), BOOK) == expected


# ZIP codes


def test_the_list_of_sparse_prefixes_is_the_published_one() -> None:
    told = {f"{number:03}": zip3(f"{number:03}01") for number in range(1, 1000)}
    assert sorted(prefix for prefix, shown in told.items() if shown == "000") == SPARSE
    assert all(shown in (prefix, "000") for prefix, shown in told.items())
    assert len(SPARSE) == 17


@pytest.mark.parametrize(
    ("code", "country", "told"),
    [
        ("10115", "", "101"), ("10115", "US", "101"), ("10115", "usa", "101"), ("10115-1234", "", "101"),
        ("101151234", "USA", "101"), ("03601", "", "000"), ("10115", "DE", None), ("10115", "Germany", None),
        ("SW1A 1AA", "", None), ("1011", "", None), ("", "", None), ("10115 Berlin", "", None),
        (" 10115 ", " US ", "101"), ("１０１１５", "", None),
    ],
)  # fmt: skip
def test_three_digits_of_a_zip_code_of_the_united_states_pass(
    code: str, country: str, told: str | None
) -> None:
    assert zip3(code, country) == told
    policy = changed("PID-11.5 zip3", "PID-11.4 keep")
    raw = HEAD + PERSON.format(zip=code, country=country)
    assert read(policy, "PID-11.5", raw) == told
    assert read(policy, "PID-11.4", raw) == "NY"
    change = [Change("Patient.address.postalCode", "zip3", "needed here", "Officer")]
    address = {"address": [{"postalCode": code, "country": country, "line": ["9 SAMPLE WAY"]}]}
    reader = FhirReaders(FhirPolicy(change)).reader("Patient.address.postalCode", "value")
    assert reader(Resource("R4", "Patient", "1", 1, address), BOOK) == told


def test_an_address_is_not_widened_as_a_whole() -> None:
    with pytest.raises(Forbidden, match=r"PID-11\.5 to 'zip3'"):
        changed("PID-11 keep")
    with pytest.raises(Forbidden, match="postalCode"):
        FhirPolicy([Change("Patient.address", "keep", "needed here", "Officer")])
    with pytest.raises(Forbidden):
        FhirPolicy([Change("Patient.address.line", "keep", "needed here", "Officer")])


# devices


@pytest.mark.parametrize(
    ("udi", "told"),
    [
        ("(01)00844588003288(17)141120(10)7654321D(21)10987654d321", "00844588003288"),
        ("01008445880032881714112010765432D", "00844588003288"),
        ("\x1d0100844588003288\x1d21SERIAL", "00844588003288"),
        ("00844588003288", "00844588003288"),
        ("(01)00844588003289(21)SERIAL", None),  # its check digit is wrong
        ("+H123PARTNO1234567890120/$$420020216LOT123456789012345", "H123PARTNO1234567890120"),
        ("=/A9999XYZ100T0944=,000025=A99971312345600=>014032", "A9999XYZ100T0944"),
        ("SERIAL-4711", None), ("4711", None), ("", None), ("008445880032881234", None),
    ],
)  # fmt: skip
def test_of_a_device_the_product_passes_and_the_one_device_does_not(udi: str, told: str | None) -> None:
    assert device_identifier(udi) == told
    raw = f"{HEAD}PRT|1|UN||||||||||||||{{}}\r".replace("{}", udi.replace("\x1d", ""))
    assert read(changed("PRT-16 udi-di"), "PRT-16", raw) == device_identifier(udi.replace("\x1d", ""))


@given(st.text(alphabet="0123456789ABCDEF()+=/$-", max_size=60))
def test_no_serial_number_passes_with_the_product(text: str) -> None:
    told = device_identifier(f"(01)00844588003288(21){text}")
    assert told == "00844588003288"


# numbers


@pytest.mark.parametrize(
    ("obx", "told"),
    [
        ("OBX|1|NM|718-7^Hb^LN||13.5", "13.5"), ("OBX|1|SN|718-7^Hb^LN||^12", "12"),
        ("OBX|1|SN|718-7^Hb^LN||=^12", "12"), ("OBX|1|SN|718-7^Hb^LN||>^12", None),
        ("OBX|1|SN|718-7^Hb^LN||^12^-^14", None), ("OBX|1|NM|718-7^Hb^LN||TESTMANN", None),
        ("OBX|1|ST|718-7^Hb^LN||13.5", None), ("OBX|1|NM|99-9^other^LN||13.5", None),
        ("OBX|1|NM|718-7^Hb^LN||1234567890123456", None), ("OBX|1|ED|718-7^Hb^LN||13.5", None),
        ("OBX|1|NM|718-7^Hb^LN", None), ("OBX|1|NM|718-7^Hb^LN||-0.5", "-0.5"),
    ],
)  # fmt: skip
def test_a_measured_number_passes_for_the_codes_that_the_channel_lists(obx: str, told: str | None) -> None:
    policy = changed("OBX-5 number", codes=("718-7",))
    assert read(policy, "OBX-5", f"{HEAD}{obx}\r") == told
    other = f"{HEAD}OBX|1|NM|99-9||1\r{obx}\r"
    assert read(policy, "OBX[2]-5", other) == told
    group = groups(Document.parse(other.encode()), "OBX")[1]
    assert Readers(policy).reader("OBX-5", "value")(group, BOOK) == told


def test_a_number_needs_its_codes() -> None:
    with pytest.raises(Forbidden, match="codes"):
        changed("OBX-5 number")
    assert measured("", "1", "", "") is None


# free text

NOTE = HEAD + PERSON.format(zip="10115", country="US") + "NTE|1||{text}\r"


def scanned(text: str) -> Any:
    return read(changed("NTE-3 scanned"), "NTE-3", NOTE.format(text=text))


@pytest.mark.parametrize(
    "text", ["deliver before surgery", "left hip, large set", "2 boxes, size M", "urgent"]
)
def test_a_text_that_names_nobody_passes_with_its_mark(text: str) -> None:
    assert scanned(text) == f"{MARK}{text}"


@pytest.mark.parametrize(
    "text",
    [
        "for testmann", "TÉSSA wants two", "call tess testmann", "mrn 50001", "0050001", "born 31.01.1934",
        "31 Jan 1934", "call 555-010-0199", "5550100199", "9 sample way", "mail t@x.example",
        "see http://x.example", "10.1.2.3", "Mr X", "dr. house", "in bed 4", "his wife will come",
        "for Anna Beispiel", "Beispiel, Anna", "ssn 078-05-1120", "since 1999", "x" * (LONGEST + 1),
        "line\\.br\\one", "12.11.", "case 471147",
    ],
)  # fmt: skip
def test_a_text_that_looks_like_somebody_does_not_pass(text: str) -> None:
    assert scanned(text) is None


IDENTIFYING = [
    "TESTMANN", "Tessa", "testmann", "0050001", "50001", "SAMPLE WAY", "1934-01-31", "31.01.1934",
]  # fmt: skip


@given(
    st.sampled_from(IDENTIFYING),
    st.text(alphabet="abcdefghijklmnop ,.", max_size=40),
    st.text(alphabet="abcdefghijklmnop ,.", max_size=40),
)  # fmt: skip
def test_what_identifies_is_found_wherever_it_stands(value: str, before: str, after: str) -> None:
    document = Document.parse(NOTE.format(text="x").encode())
    scanner = Scanner(Harvester(changed("NTE-3 scanned")))
    assert scanner.passed(f"{before} {value} {after}", document) is None


@pytest.mark.parametrize(
    "text", ["call ward about this", "comes from littleton by car", "no 120, ring twice", "flat 12b",
             "ask may", "from 1010 by train", "group 1001"],
)  # fmt: skip
def test_in_free_text_words_and_numbers_count_that_do_not_in_codes(text: str) -> None:
    """The guard lets pass what every hospital says; what a person wrote of this patient is another thing."""
    document = Document.parse(
        b"MSH|^~\\&|A|HOSP|||20261121||ADT^A01|C1|P|2.5.1\r"
        b"PID|1||77123^^^HOSP^MR||Ward^Jo||19700109|F|||120 Long Road&Long Road&120^12B^Littleton^^1010^AT\r"
        b"NK1|1|May^Ann\rIN1|1|P1|100|||||1001\r"
    )
    assert Scanner(Harvester(Policy())).passed(text, document) is None


def test_a_withheld_text_is_told_without_the_text() -> None:
    document = Document.parse(NOTE.format(text="for testmann").encode())
    assert Readers(changed("NTE-3 scanned")).reader("NTE-3", "value")(document, BOOK) is None
    (warning,) = document.warnings
    assert (warning.place, "testmann" in warning.text) == ("NTE-3", False)


def test_documents_are_never_looked_through() -> None:
    policy = changed("OBX-5 scanned")
    for kind, told in (("ST", f"{MARK}fine"), ("TX", f"{MARK}fine"), ("ED", None), ("RP", None), ("", None)):
        assert read(policy, "OBX-5", f"{HEAD}OBX|1|{kind}|718-7||fine\r") == told


# all of them


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("PID-5", "scanned"), ("PID-3", "year"), ("PID-19", "udi-di"), ("FT1-4", "year"), ("PID-12", "zip3"),
        ("NTE-3", "keep"), ("OBX-5", "keep"), ("PID-11.1", "keep"), ("PID-7", "keep"), ("ZPI-1", "scanned"),
    ],
)  # fmt: skip
def test_nothing_passes_in_part_where_the_table_does_not_offer_it(path: str, to: str) -> None:
    with pytest.raises(Forbidden):
        changed(f"{path} {to}")


def test_single_fields_of_z_segments_pass_where_a_channel_names_them() -> None:
    policy, raw = changed("ZPI-3 keep", "ZPI-4.2 keep"), f"{HEAD}ZPI|a|b|c^d|e^f\r"
    assert read(policy, "ZPI-3", raw) == "c"
    assert read(policy, "ZPI-4.2", raw) == "f"
    for path in ("ZPI-1", "ZPI-3.2", "ZPI-4", "ZPI-3.1.2", "ZPX-3"):
        with pytest.raises(Forbidden):
            read(policy, path, raw)


def test_what_is_passed_on_is_in_part_too() -> None:
    policy = changed("PID-7 year", "PID-11.5 zip3", "PID-11.4 keep")
    readers = Readers(policy, now=lambda: 2026)
    raw = HEAD + PERSON.format(zip="10115", country="US")
    made = Redaction(readers, ["PID"]).message(Document.parse(raw.encode()), BOOK).message
    assert "|90+|" in made
    assert "|^^^NY^101" in made
    assert not re.search("TEST|SAMPLE|10115|1934|555", made)
