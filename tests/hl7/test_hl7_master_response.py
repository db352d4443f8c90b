"""The answer to a master file: MFK with an MFA for each record that the sender wants to hear of."""

from __future__ import annotations

import pytest

from engine.hl7.acknowledgement import Response
from engine.hl7.header import read_header
from engine.hl7.master_response import master_response

RECORDS = (
    "MFE|MAD|R-1|20261121|GLV-L^Gloves^LOCAL|CWE",
    "ITM|GLV-L|Gloves",
    "MFE|MDC|R-2||A/B",
    "MFE|MUP|||C%D",
)


def response(
    *, level: str = "AL", version: str = "2.8", kind: str = "MFN^M16^MFN_M16", done: bool = True,
    refused: tuple[str, ...] = (), records: tuple[str, ...] = RECORDS, charset: str = "",
) -> Response | None:  # fmt: skip
    head = rf"MSH|^~\&|MMIS|GENERAL|ENG|GENERAL|20261121||{kind}|N1|P|{version}||||||{charset}"
    raw = "\r".join([head, f"MFI|INV^Items||UPD|||{level}", *records, ""]).encode(
        "cp1252" if charset == "8859/1" else "utf-8"
    )
    return master_response(raw, read_header(raw), done=done, refused=refused)


def told(**how: object) -> list[str]:
    """MFA-4 of each record that is told of."""
    answer = response(**how)  # type: ignore[arg-type]
    assert answer is not None
    return [line.split("|")[4] for line in answer.segments.decode("cp1252").split("\r") if line[:3] == "MFA"]


def test_every_record_is_told_of_with_its_key_as_it_came() -> None:
    answer = response(done=False, refused=("item-master/GLV-L/STORE",))
    assert answer == Response(
        b"MFK^M16^MFK_M01",
        b"MFI|INV^Items||UPD|||AL\rMFA|MAD|R-1||U|GLV-L^Gloves^LOCAL|CWE\rMFA|MDC|R-2||S|A/B\r"
        b"MFA|MUP|||S|C%D\r",
    )


@pytest.mark.parametrize(
    ("level", "some", "all_done"),
    [("AL", ["U", "S", "S"], ["S", "S", "S"]), ("ER", ["U"], []), ("SU", ["S", "S"], ["S", "S", "S"])],
)
def test_as_far_as_the_sender_asks_for_it(level: str, some: list[str], all_done: list[str]) -> None:
    assert told(level=level, done=False, refused=("x/GLV-L",)) == some
    assert told(level=level) == all_done


@pytest.mark.parametrize("level", ["NE", "", '""', "XX"])
def test_who_does_not_ask_gets_a_general_answer(level: str) -> None:
    assert response(level=level) is None


def test_keys_that_are_escaped_in_effects() -> None:
    assert told(done=False, refused=("item-master/A%2FB",)) == ["S", "U", "S"]
    assert told(done=False, refused=("item-master/C%25D/MEDSUP/BX",)) == ["S", "S", "U"]


@pytest.mark.parametrize("refused", [(), ("item-master/another",)])
def test_where_nobody_can_tell_none_was_taken(refused: tuple[str, ...]) -> None:
    assert told(done=False, refused=refused) == ["U", "U", "U"]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("2.2", b"MFK^M04"), ("2.3", b"MFK^M04"), ("2.3.1", b"MFK^M04^MFK_M01"), ("2.8.2", b"MFK^M04^MFK_M01")],
)
def test_the_type_of_the_answer_by_version(version: str, kind: bytes) -> None:
    answer = response(version=version, kind="MFN^M04")
    assert answer is not None
    assert answer.type == kind


def test_only_master_files_have_such_an_answer() -> None:
    assert response(kind="ADT^A01") is None
    assert response(records=()) is None


def test_a_key_in_the_message_s_character_set() -> None:
    answer = response(records=("MFE|MAD|||GRÖSSE-M|CWE",), charset="8859/1")
    assert answer is not None
    assert "GRÖSSE-M".encode("latin-1") in answer.segments
