"""Readers: what a path gives for a use, which number of a person counts, whose it is (P04)."""

from __future__ import annotations

import pytest

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.hl7.reading import DELETE
from engine.privacy.authorities import Authorities
from engine.privacy.book import TokenBook
from engine.privacy.policy import Change, Policy
from engine.privacy.readers import Readers
from engine.privacy.rules import Forbidden, Use
from engine.privacy.tokens import parse
from engine.privacy.vault import Vault

READERS = Readers(Policy())
HOSPITAL = Readers(Policy(), Authorities({"HOSP": ["1.2.3.4", "urn:oid:1.2.3.5", "General Hospital"]}))
VAULT = Vault(tenant="north", index_keys={"k1": bytes(32)})


@pytest.fixture
def book() -> TokenBook:
    return TokenBook(VAULT, lambda indexes: {})


def message(*segments: str, facility: str = "HOSP") -> Document:
    header = rf"MSH|^~\&|HIS|{facility}|W|ODOO|20260101||DFT^P03^DFT_P03|MSG1|P|2.5"
    return Document.parse("\r".join((header, *segments, "")).encode())


def identity(of: TokenBook, token: str) -> str:
    """What a token of this book's batch stands for."""
    (row,) = [row for row in of.minted() if row.token == token]
    return row.identifier.replace("\x1f", "/")


def read(text: str, document: Document, of: TokenBook, readers: Readers = READERS, use: Use = "value"):
    return readers.reader(text, use)(document, of)


CHARGE = message(
    "PID|1||0012^^^HOSP^MR~123456789^^^SSA^SS||DOE^JOHN",
    "PV1|1|I|4W^401^1^HOSP||||0815^WHO^DOCTOR" + "|" * 12 + "V77^^^HOSP^VN",
    "FT1|1|TX9||20260102101500||CG|MED-1^Bandage^L|||2|10.50",
    'FT1|2|TX10||20260103||CG|MED-2^Bandage^L|""',
)


def test_kept_places_give_their_text(book: TokenBook) -> None:
    expected = {"FT1-7": "MED-1", "FT1-7.3": "L", "FT1[2]-7.1": "MED-2", "PV1-3.1": "4W", "PV1-3.4": "HOSP"}
    assert {path: read(path, CHARGE, book) for path in expected} == expected
    assert read("FT1-10", CHARGE, book) == "2"
    assert read("FT1-11", CHARGE, book) == "10.50"
    assert read("FT1-13", CHARGE, book) is None
    assert read("MSH-9.2", CHARGE, book, use="test") == "P03"
    assert read("FT1-4", CHARGE, book, use="date") == "20260102101500"


def test_identifiers_give_tokens_of_their_domain(book: TokenBook) -> None:
    domains = {"PID-3": "p", "PID-3.1": "p", "PV1-19": "v", "FT1-2": "x", "PV1-7": "s"}
    for path, domain in domains.items():
        token = read(path, CHARGE, book)
        assert parse(token).domain == domain
        assert read(path, CHARGE, book, use="sequence") == token
    assert identity(book, read("PV1-19", CHARGE, book)) == "v/HOSP//V77"
    assert identity(book, read("FT1-2", CHARGE, book)) == "x/HOSP//TX9"


def test_a_group_is_read_like_a_message(book: TokenBook) -> None:
    first, second = groups(CHARGE, "FT1")
    item, txn, person = (READERS.reader(path, "value") for path in ("FT1-7.1", "FT1-2", "PID-3"))
    assert (item(first, book), item(second, book)) == ("MED-1", "MED-2")
    assert txn(first, book) != txn(second, book)
    assert identity(book, txn(second, book)) == "x/HOSP//TX10"  # MSH-4, seen from inside the group
    assert person(second, book) == read("PID-3", CHARGE, book)


@pytest.mark.parametrize(
    ("path", "use", "says"),
    [
        ("PID-5", "value", r"PID-5: is dropped \(PATIENT_NAME, class A\): use PID-3 for a token"),
        ("PID-5", "test", "PATIENT_NAME"),
        ("PID-7", "date", "class C"),
        ("PID-19", "value", "class G"),
        ("FT1-7.2", "value", "use the code in component 1"),
        ("PV1-3.2", "value", "may widen it to 'keep'"),
        ("PV1-7.2", "value", "use component 1 for a token"),
        ("PID-3", "test", "no place in a condition"),
        ("PID-3", "date", "no place in a condition or a date"),
        ("FT1-4", "value", "where a date goes out"),
        ("FT1-4", "test", "where a date goes out"),
        ("MSH-10", "value", "tested in `when:`"),
        ("PD1-12", "value", "used inside the engine only"),
        ("OBX-5", "value", "OBSERVATION_VALUE"),
        ("NTE-3", "value", "free text"),
        ("ZPI-1", "value", "no Z segment"),
        ("PID-3.1.2", "value", "not on the allow-list"),
    ],
)
def test_what_the_policy_forbids_does_not_compile(path: str, use: Use, says: str) -> None:
    with pytest.raises(Forbidden, match=says) as caught:
        READERS.reader(path, use)
    assert caught.value.use == use
    assert caught.value.advice
    assert caught.value.rule.name


def test_a_channel_with_a_reason_reads_more(book: TokenBook) -> None:
    changes = [
        Change("FT1-2", "keep", "the finance system numbers charges without persons", "dpo"),
        Change("ACC-1", "year", "only the year of the accident", "dpo"),
        Change("PV1-3", "drop"),
    ]
    readers = Readers(Policy(changes))
    assert read("FT1-2", CHARGE, book, readers) == "TX9"
    for sent, year in {"20240917": "2024", "soon": None, '""': DELETE, "": None}.items():
        assert read("ACC-1", message(f"ACC|{sent}"), book, readers) == year
    with pytest.raises(Forbidden):
        readers.reader("PV1-3.1", "value")


# which number


@pytest.mark.parametrize(
    ("numbers", "chosen"),
    [
        ("1^^^HOSP^MR", "p/HOSP/MR/1"),
        ("1^^^HOSP^PI~2^^^HOSP^MR", "p/HOSP/MR/2"),
        ("1^^^HOSP^U~2^^^HOSP^EI~3^^^HOSP^PT~4^^^HOSP^PI", "p/HOSP/PI/4"),
        ("9^^^SSA^SS~1^^^HOSP^PI", "p/HOSP/PI/1"),
        ("1^^^HOSP^MR~2^^^HOSP^MR", "p/HOSP/MR/1"),
        ("^^^HOSP^MR~2^^^HOSP^PI", "p/HOSP/PI/2"),
        ("0012", "p/HOSP/MR/0012"),  # an untyped number is the medical record number
        ("1~2^^^HOSP^U", "p/HOSP/U/2"),
        ("1^^^HOSP^PI~2^^^HOSP^MRN", "p/HOSP/MR/2"),  # what many senders write for MR
        (r"A\T\B^^^HOSP^MR", "p/HOSP/MR/A&B"),
        (" 7 ^^^ HOSP ^ MR ", "p/HOSP/MR/7"),
    ],
)
def test_a_person_goes_by_the_best_number(numbers: str, chosen: str, book: TokenBook) -> None:
    assert identity(book, read("PID-3", message(f"PID|1||{numbers}"), book)) == chosen


@pytest.mark.parametrize("kind", ["SS", "DL", "PPN", "MC", "MA", "MB", "HC", "NI", "XX", "WHATEVER"])
def test_other_numbers_of_a_person_are_never_tokenised(kind: str, book: TokenBook) -> None:
    document = message(f"PID|1||123456789^^^SSA^{kind}")
    for path in ("PID-3", "PID-3.4", "PID-3[1]", "PID-3[1].5"):
        assert read(path, document, book) is None
    assert book.minted() == []


def test_a_social_security_number_in_a_visit_field_is_not_tokenised(book: TokenBook) -> None:
    assert read("PV1-19", message("PV1|1" + "|" * 18 + "123456789^^^SSA^SS"), book) is None


def test_a_selector_names_the_number(book: TokenBook) -> None:
    document = message("PID|1||1^^^HOSP^MR~2^^^CLINIC^MR~3^^^HOSP^PI~4^^^SSA^SS")
    chosen = {"PID-3[3]": "3", "PID-3[PI]": "3", "PID-3[MR]": "1", "PID-3[MR@CLINIC]": "2", "PID-3[2].1": "2"}
    for path, number in chosen.items():
        assert identity(book, read(path, document, book)).endswith(f"/{number}")
    assert read("PID-3[MR@CLINIC].4", document, book) == "CLINIC"
    assert read("PID-3[4]", document, book) is None
    assert read("PID-3[5]", document, book) is None
    assert read("PID-3[MR@ELSEWHERE]", document, book) is None


def test_a_type_spelled_another_way_is_the_same_type(book: TokenBook) -> None:
    standard, spelled = message("PID|1||7^^^HOSP^MR"), message("PID|1||7^^^HOSP^MRN")
    tokens = {
        read(path, one, book) for path in ("PID-3", "PID-3[MR]", "PID-3[MRN]") for one in (standard, spelled)
    }
    assert len(tokens) == 1


def test_a_selector_that_can_never_give_a_token_does_not_compile() -> None:
    with pytest.raises(Forbidden, match="never becomes a token"):
        READERS.reader("PID-3[SS]", "value")
    for path in ("FT1-7[MR].1", "SCH-1[MR]", "FT1-2[MR]"):
        with pytest.raises(Misconfigured):
            READERS.reader(path, "value")
    with pytest.raises(Misconfigured):
        READERS.reader("PID-three", "value")


def test_deleted_and_missing_numbers(book: TokenBook) -> None:
    assert read("PID-3", message('PID|1||""'), book) is DELETE
    assert read("PID-3", message('PID|1||""^^^HOSP^MR'), book) is DELETE
    assert read("PID-3", message("PID|1||"), book) is None
    assert read("PID-3", message("PID|1||  ^^^HOSP^MR"), book) is None
    assert read("PID-3", message("EVN|A01"), book) is None
    assert book.minted() == []


@pytest.mark.parametrize("word", ["NULL", "null", "N/A", "UNKNOWN", ".", " - ", "None", "#N/A"])
def test_q06_a_word_for_none_is_no_number(word: str, book: TokenBook) -> None:
    """Were it one, all patients and visits without a number would be the same."""
    document = message(f"PID|1||{word}^^^HOSP^MR", f"PV1|1|I{'|' * 17}{word}", f"FT1|1|{word}")
    for path, place in (("PID-3", "PID-3"), ("PV1-19", "PV1-19"), ("FT1-2", "FT1-2")):
        assert read(path, document, book) is None
        assert (document.warnings[-1].code, document.warnings[-1].place) == ("bad-value", place)
    assert {one.text for one in document.warnings} == {"a word that stands for no number"}


def test_q06_the_number_beside_a_word_for_none_is_taken(book: TokenBook) -> None:
    document = message("PID|1||NULL^^^HOSP^MR~77^^^HOSP^MR")
    assert identity(book, read("PID-3", document, book)) == "p/HOSP/MR/77"
    assert read("PID-3", message("PID|1||NULLARBOR^^^HOSP^MR"), book) is not None


@pytest.mark.parametrize("numbers", ['77^^^HOSP^MR~""', '""~77^^^HOSP^MR', '""~77', '77~""~""'])
def test_h1_a_delete_among_numbers_leaves_the_numbers(numbers: str, book: TokenBook) -> None:
    document = message(f"PID|1||{numbers}")
    assert identity(book, read("PID-3", document, book)).endswith("/MR/77")
    assert "mixed_delete" in document.quirks


@pytest.mark.parametrize(("one", "other"), [("007", "7"), ("0012345", "12345"), ("A1", "a1")])
def test_q07_zeros_in_front_and_case_make_another_number(one: str, other: str, book: TokenBook) -> None:
    tokens = [read("PID-3", message(f"PID|1||{value}^^^HOSP^MR"), book) for value in (one, other, f" {one} ")]
    assert tokens[0] != tokens[1]
    assert tokens[0] == tokens[2]


def test_q07_ten_numbers_of_which_one_is_the_persons(book: TokenBook) -> None:
    numbers = "~".join([*(f"{n}^^^OTHER^CRN" for n in range(8)), "77^^^HOSP^MR", "88^^^HOSP^PI"])
    assert identity(book, read("PID-3", message(f"PID|1||{numbers}"), book)) == "p/HOSP/MR/77"


def test_a_control_character_in_a_number_is_refused_at_its_place(book: TokenBook) -> None:
    with pytest.raises(Unacceptable) as caught:
        read("PID-3", message(r"PID|1||SECRET\X1F\7^^^HOSP^MR"), book)
    assert (caught.value.code, caught.value.place) == ("bad-value", "PID-3")
    assert "SECRET" not in str(caught.value)


# whose number


def test_P04_one_person_under_every_spelling_of_the_authority(book: TokenBook) -> None:
    spellings = ["HOSP", "HOSP&1.2.3.4&ISO", "&1.2.3.4&ISO", "&1.2.3.5&ISO", "&urn:oid:1.2.3.4&URI"]
    spellings += ["General Hospital", ""]
    documents = [message(f"PID|1||0012^^^{spelling}^MR") for spelling in spellings]
    documents.append(message("PID|1||0012^^^^MR", facility="General Hospital"))
    documents.append(message("PID|1||0012^^^^MR", facility="^1.2.3.5^ISO"))
    assert len({read("PID-3", document, book, HOSPITAL) for document in documents}) == 1


def test_P04_the_same_number_elsewhere_is_another_person(book: TokenBook) -> None:
    numbers = ["7^^^HOSP^MR", "7^^^CLINIC^MR", "7^^^HOSP^PI", "07^^^HOSP^MR", "7^^^&9.9.9&ISO^MR"]
    numbers += ["7a^^^HOSP^MR", "7A^^^HOSP^MR"]
    tokens = {read("PID-3", message(f"PID|1||{number}"), book, HOSPITAL) for number in numbers}
    assert len(tokens) == len(numbers)


def test_P04_a_merge_speaks_of_the_same_person(book: TokenBook) -> None:
    old = read("PID-3", message("PID|1||12^^^HOSP^MR"), book)
    for number in ("12^^^HOSP^MR", "12", "12^^^HOSP"):
        assert read("MRG-1", message(f"MRG|{number}"), book) == old


def test_P04_one_visit_with_and_without_type_and_authority(book: TokenBook) -> None:
    visits = [message("PV1|1" + "|" * 18 + number) for number in ("V1^^^HOSP^VN", "V1^^^HOSP", "V1")]
    assert len({read("PV1-19", visit, book) for visit in visits}) == 1


def test_P04_an_order_number_belongs_to_its_namespace_or_universal_id(book: TokenBook) -> None:
    written = ["O1^HOSP", "O1^HOSP^1.2.3.4^ISO", "O1^^1.2.3.5^ISO", "O1"]
    orders = [message("FT1|1" + "|" * 22 + number) for number in written]
    assert len({read("FT1-23", order, book, HOSPITAL) for order in orders}) == 1
    assert identity(book, read("FT1-23", message("FT1|1" + "|" * 22 + "O1^LAB"), book)) == "o/LAB//O1"


def test_both_numbers_of_a_parent_order_become_tokens(book: TokenBook) -> None:
    parent = message("ORC|NW" + "|" * 7 + "P1&WARD^F1&LAB&1.9&ISO")
    assert identity(book, read("ORC-8.1", parent, book)) == "o/WARD//P1"
    assert identity(book, read("ORC-8.2", parent, book)) == "o/LAB//F1"
    assert read("ORC-8.1.2", parent, book) == "WARD"


def test_the_default_authority_of_the_site_comes_before_the_sender(book: TokenBook) -> None:
    readers = Readers(Policy(), Authorities({"HOSP": ["1.2.3.4"]}, default="1.2.3.4"))
    person = read("PID-3", message("PID|1||5", facility="ELSEWHERE"), book, readers)
    assert identity(book, person) == "p/HOSP/MR/5"


def test_other_delimiters_and_escapes_in_an_authority(book: TokenBook) -> None:
    raw = "MSH#*%!@#HIS#HOSP#W#O#20260101##ADT*A01#1#P#2.5\rPID#1##7***A!T!B@1.9@ISO*MR\r"
    person = READERS.reader("PID-3", "value")(Document.parse(raw.encode()), book)
    assert identity(book, person) == "p/A@B/MR/7"


def test_one_spelling_cannot_belong_to_two_authorities() -> None:
    with pytest.raises(Misconfigured, match="authorities"):
        Authorities({"A": ["1.2"], "B": ["urn:oid:1.2"]})


def test_a_reader_shows_its_path_and_no_content() -> None:
    assert repr(READERS.reader("PID-3", "value")) == "Reader('PID-3', 'value')"
