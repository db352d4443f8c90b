"""Samples become messages about made-up people, and nothing else of them changes."""

from __future__ import annotations

import re

import pytest

from engine.hl7.document import Document
from engine.privacy.harvest import Harvester
from engine.privacy.policy import Policy
from engine.workbench.drafting.synthetic import Synthesizer

ADMISSION = r"""MSH|^~\&|HIS|GENERAL|WARDLINE|GENERAL|20240115101500||ADT^A01^ADT_A01|Q7781|P|2.5.1
EVN|A01|20240115101500|||77^PENHALIGON^ROSWITHA
PID|1||884412^^^GENERAL^MR~123-45-6789^^^USA^SS||PENHALIGON^MORWENNA^Q||19520630|F|||9 HARBOUR ROW^^PORTHLEVEN
NK1|1|PENHALIGON^JAGO|SPO
PV1|1|I|ICU^12^1^GENERAL||||4471^TREGEAR^DENZIL||||||||||||V-99120|||||||||||||||||||||||||20240115
ZPI|1|MORWENNA
AL1|1||884412^ALLERGY OF 884412
"""


def _document(text: str) -> Document:
    return Document.parse("\r".join(text.splitlines()).encode())


def _made(*texts: str) -> list[str]:
    documents = [_document(text) for text in texts]
    synthesizer = Synthesizer(documents)
    return [synthesizer.of(document) for document in documents]


def test_nothing_that_identifies_is_left() -> None:
    (made,) = _made(ADMISSION)
    real = {seen.text for seen in Harvester(Policy()).of(_document(ADMISSION))}
    assert {"MORWENNA", "884412", "V-99120"} <= {part for text in real for part in text.split()}
    for text in real:
        for word in text.split():
            assert word == "1" or not re.search(rf"\b{re.escape(word)}\b", made), word
    for word in ("ZPI", "ROSWITHA", "TREGEAR", "4471", "20240115", "Q7781", "JAGO"):
        assert word not in made


def test_what_passes_stays_as_it_was_and_people_are_readable() -> None:
    (made,) = _made(ADMISSION)
    assert (
        made.splitlines()[0]
        == r"MSH|^~\&|HIS|GENERAL|WARDLINE|GENERAL|20261102101500||ADT^A01^ADT_A01|SAMPLE-1|P|2.5.1"
    )
    pid = next(line for line in made.splitlines() if line.startswith("PID"))
    assert pid.startswith("PID|1||50001^^^GENERAL^MR~50002^^^USA^SS||TESTMANN^TESSA||19700131")
    pv1 = next(line for line in made.splitlines() if line.startswith("PV1"))
    assert pv1.startswith("PV1|1|I|ICU^^^GENERAL||||X-1002^TESTDOC||||||||||||V-7001")
    assert pv1.endswith("|20261102")


def test_one_number_is_one_number_in_all_samples_and_days_keep_their_distance() -> None:
    later = ADMISSION.replace("ADT^A01^ADT_A01|Q7781", "ADT^A03^ADT_A03|Q7782").replace(
        "20240115", "20240118"
    )
    first, second = _made(ADMISSION, later)
    assert "50001^^^GENERAL^MR" in first
    assert "50001^^^GENERAL^MR" in second
    assert "|V-7001|" in second
    assert "|20261105101500||ADT^A03" in second


def test_a_segment_of_which_one_field_is_left_stays_unless_that_only_counts_it() -> None:
    (made,) = _made(f"{ADMISSION}MRG|991122^^^GENERAL^MR||||||PENHALIGON^OLD\nGT1|1||PENHALIGON^OLD\n")
    lines = made.splitlines()
    assert "MRG|50003^^^GENERAL^MR" in lines
    assert not any(line.startswith("GT1") for line in lines)


def test_a_made_up_number_is_nobodys() -> None:
    (made,) = _made(ADMISSION.replace("884412^^^", "50001^^^"))
    assert "50001" not in made
    assert "50002^^^GENERAL^MR" in made


def test_the_same_samples_give_the_same_texts() -> None:
    assert _made(ADMISSION) == _made(ADMISSION)


@pytest.mark.parametrize(("day", "made"), [("2024", "2026"), ("0000", "0000"), ("20241340", "0000")])
def test_a_day_that_is_none_stays_none(day: str, made: str) -> None:
    text = ADMISSION.replace("||||20240115\n", f"||||{day}\n")
    assert _made(text)[0].splitlines()[-2 if "AL1" in _made(text)[0] else -1].endswith(f"|{made}")
