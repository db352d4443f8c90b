"""A value that identifies is found in whatever spelling it gets out, and nothing else is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.hl7.document import Document
from engine.privacy.harvest import Harvester, Seen
from engine.privacy.matching import COMMON, Identities
from engine.privacy.policy import Policy
from engine.privacy.spelling import dates_of, plain, weight

RAW = (
    "MSH|^~\\&|A|HOSP|W|HOSP|20261121||ADT^A01|C1|P|2.5.1|||||||UNICODE UTF-8\r"
    "PID|1||0012345678^^^HOSP^MR~123456789^^^SSA^SS||Müller-Weiß^Anna Lena^Q^^DR||19700109|F|||"
    "1 Sample Street&Sample Street&1^Flat 2^Littleton^XX^90210^USA^H||(555) 010-0199^^^anna@home.example"
    "||S|||ACC-4711^^^HOSP|987-65-4321||||Birthton\r"
    "NK1|1|LEE^Wei|SPO||+44 20 7946 0958\r"
    "PV1|1|I|ICU^12^B^HOSP||||1234^HOUSEMAN^GREGORIA||||||||||||V77^^^HOSP^VN\r"
    "FT1|1|T998877^CHARGES||20261121||CG|270001^Lap chole^L||Call his wife about the new device\r"
)
SEEN = Harvester(Policy()).of(Document.parse(RAW.encode()))
KNOWN = Identities(SEEN)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("12345678", "PID-3"),
        ("0012345678", "PID-3"),
        ("00000000012345678", "PID-3"),
        ("123456785", "PID-3"),  # a check digit behind it
        ("LOT12345678X", "PID-3"),
        ("12 345 678", "PID-3"),
        ("1234-5678", "PID-3"),
        ("123-45-6789", "PID-3"),
        ("x/t/12345678/2", "PID-3"),
        ("MULLER WEISS", "PID-5"),
        ("Müller-Weiß", "PID-5"),
        ("mueller_weiss", "PID-5"),
        ("MÜLLER", "PID-5"),
        ("Muller", "PID-5"),
        ("weiss", "PID-5"),
        ("weiß", "PID-5"),
        (unicodedata.normalize("NFD", "xxMüllerxx"), "PID-5"),
        ("Weiß, Anna", "PID-5"),
        ("ANNALENA", "PID-5"),
        ("anna", "PID-5"),
        ("WH/Anna", "PID-5"),
        ("Lena4", "PID-5"),
        ("LenaAnnaMüllerWeiß", "PID-5"),
        ("M%C3%BCller", "PID-5"),
        ("M&uuml;ller", "PID-5"),
        ("M&#252;ller", "PID-5"),
        ("M\\u00fcller", "PID-5"),
        ("ＭÜＬＬＥＲ", "PID-5"),  # full-width letters
        ("19700109", "PID-7"),
        ("1970-01-09", "PID-7"),
        ("1970-01-09T00:00:00", "PID-7"),
        ("09.01.1970", "PID-7"),
        ("9.1.1970", "PID-7"),
        ("01/09/1970", "PID-7"),
        ("1/9/70", "PID-7"),
        ("9 Jan 1970", "PID-7"),
        ("09-JAN-1970", "PID-7"),
        ("9Jan1970", "PID-7"),
        ("January 9, 1970", "PID-7"),
        ("Jan 9th 1970", "PID-7"),
        ("9. Januar 1970", "PID-7"),
        ("9 janv. 1970", "PID-7"),
        ("LOT09011970", "PID-7"),
        ("1samplestreet", "PID-11"),
        ("Sample St., 1 sample street", "PID-11"),
        ("littleton", "PID-11"),
        ("WH/Littleton", "PID-11"),
        ("Littleton, 90210", "PID-11"),
        ("90210 LITTLETON", "PID-11"),
        ("5550100199", "PID-13"),
        ("+1 (555) 010-0199", "PID-13"),
        ("0015550100199", "PID-13"),
        ("010 0199", "PID-13"),
        ("ANNA@HOME.EXAMPLE", "PID-13"),
        ("acc 4711", "PID-18"),
        ("987654321", "PID-19"),
        ("birthton", "PID-23"),
        ("lee", "NK1-2"),
        ("wei lee", "NK1-2"),
        ("leewei", "NK1-2"),
        ("weilee", "NK1-2"),
        ("02079460958", "NK1-5"),
        ("V77", "PV1-19"),
        ("v-77", "PV1-19"),
        ("HOUSEMAN", "PV1-7"),
        ("T998877", "FT1-2"),
        ("his wife about the new device", "FT1-9"),
        ("note: call his wife about the new device!", "FT1-9"),
    ],
)  # fmt: skip
def test_spellings_of_what_identifies_are_found(text: str, row: str) -> None:
    assert KNOWN.row_in(text) == row


@pytest.mark.parametrize(
    "text",
    [
        "Littleton Medical Center", "2.16.12.34.5678.3", "Street", "Hospital", "his wife", "H-MAN",
        "270001", "ICU", "HOSP", "WH/Stock", "EUR", "XX", "USA", "F", "S", "MR", "Lap", "1234", "12345",
        "345678", "2026-11-21", "20261121", "annals", "fleet", "LOT20261109", "9021", "902100", "70109",
        "1970", "wife", "device", "0199", "12", "", "/", "Q", "B",
    ],
)  # fmt: skip
def test_what_does_not_identify_is_not_found(text: str) -> None:
    assert KNOWN.row_in(text) == ""


WORDS = Identities(
    Harvester(Policy()).of(
        Document.parse(
            b"MSH|^~\\&|A|HOSP|W|HOSP|20261121||ADT^A01|C1|P|2.5.1\r"
            b"PID|1||77123^^^HOSP^MR||Ward^Jo||19700109|F|||"
            b"120 Long Road&Long Road&120^12B^Wien^^1010^AT^^^06037\r"
            b"GT1|1|||||||||||||||||||||||||||||4400\rIN1|1|P1|100|||||1001\r"
        )
    )
)


@pytest.mark.parametrize(
    "text", ["WARD 3", "Ward", "WH/Ward/12B", "120", "1010", "CC 6037", "1001", "100", "4400"]
)
def test_words_and_numbers_of_every_hospital_are_nobody(text: str) -> None:
    """A surname that names a ward, the number of a house, a postal code, the number of an insurer."""
    assert WORDS.row_in(text) == ""


def test_what_stands_for_an_unknown_name_or_number_is_nobody() -> None:
    raw = (
        b"MSH|^~\\&|A|HOSP|W|HOSP|20261121||ADT^A01|C1|P|2.5.1\r"
        b"PID|1||999999^^^HOSP^MR||UNK^TWIN A~BOY^NONE||19700109|M||||0000000000||||||999-99-9999\r"
    )
    known = Identities(Harvester(Policy()).of(Document.parse(raw)))
    for text in ("UNK", "NONE", "TWIN", "BOY", "999999", "10000000", "999999999"):
        assert known.row_in(text) == ""


@pytest.mark.parametrize(
    ("text", "row"),
    [("Jo Ward", "PID-5"), ("WARD^JO", "PID-5"), ("wardjo7", "PID-5"), ("1010 Wien", "PID-11"),
     ("Wien 1010", "PID-11"), ("WH/Wien", "PID-11"), ("120 long road", "PID-11"), ("77123", "PID-3")],
)  # fmt: skip
def test_together_they_are_somebody(text: str, row: str) -> None:
    assert WORDS.row_in(text) == row


def test_numbers_and_days_that_are_no_text() -> None:
    assert KNOWN.row_of_number(Decimal(12345678)) == "PID-3"
    assert KNOWN.row_of_number(Decimal("-12345678.00")) == "PID-3"
    assert KNOWN.row_of_number(Decimal("123456.78")) == "PID-3"
    assert KNOWN.row_of_number(Decimal("12345.00")) == ""
    assert KNOWN.row_of_date("19700109") == "PID-7"
    assert KNOWN.row_of_date("20261121") == ""


def test_nothing_of_it_is_shown() -> None:
    shown = repr(SEEN) + repr(KNOWN)
    assert not any(word in shown for word in ("Anna", "12345678", "19700109"))


LETTERS = st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F)
NAMES = st.text(LETTERS, min_size=3, max_size=20).filter(
    lambda name: weight(plain(name)) >= 3 and plain(name) not in COMMON
)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "url": lambda text: quote(text, safe=""),
    "html": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "padded": lambda text: f"  {text} ",
    "part of a key": lambda text: f"charges/{text}/270001",
    "among words": lambda text: f"WH {text} 12",
}


@given(NAMES, st.sampled_from(sorted(SPELLINGS)))
def test_every_spelling_of_a_name_is_found(name: str, how: str) -> None:
    assert Identities([Seen("name", name, "PID-5")]).row_in(SPELLINGS[how](name)) == "PID-5"


@given(NAMES, NAMES, st.sampled_from(["", " ", ", ", "-", "_", "^"]), st.booleans())
def test_both_parts_of_a_name_run_together_are_found(a: str, b: str, between: str, swapped: bool) -> None:
    first, second = (b, a) if swapped else (a, b)
    found = Identities([Seen("name", f"{a} {b}", "PID-5")]).row_in(f"{first}{between}{second}")
    assert found == "PID-5"


@given(st.integers(1, 10**12), st.integers(0, 6), st.text("0123456789", max_size=2), st.integers(0, 5))
def test_numbers_are_found_with_zeros_check_digits_and_marks(
    number: int, zeros: int, check: str, at: int
) -> None:
    digits = str(number)
    assume(digits.strip("9"))  # 999999 stands for an unknown one
    known = Identities([Seen("number", digits.zfill(zeros + len(digits)), "PID-3")])
    if len(digits.lstrip("0")) >= 6:
        assert known.row_in(f"A{'0' * zeros}{digits}{check}B") == "PID-3"
        assert known.row_in(f"{digits[:at]}-{digits[at:]}") == "PID-3"
    elif len(digits) >= 3:
        assert known.row_in(f"A/{'0' * zeros}{digits}") == "PID-3"
        assert known.row_in(f"9{digits}") == ""


DAYS = ["%Y%m%d", "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d %b %Y", "%B %d, %Y", "%d%m%Y"]


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from(DAYS))
def test_days_are_found_in_every_order(day: date, how: str) -> None:
    known = Identities([Seen("date", f"{day:%Y%m%d}", "PID-7")])
    assert known.row_in(f"x {day.strftime(how)} y") == "PID-7"
    assert f"{day:%Y%m%d}" in dates_of(f"{day.day} {day:%b} {day.year}")


@given(st.text(), st.lists(st.text(max_size=30), max_size=4))
def test_no_text_breaks_it(text: str, values: list[str]) -> None:
    kinds = ("name", "number", "date", "contact", "address", "text")
    known = Identities([Seen(kind, value, "PID-5") for value in values for kind in kinds])
    assert isinstance(known.row_in(text), str)
