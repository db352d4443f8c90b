"""engine.hl7.batch_answer: the envelope around acknowledgements."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.hl7.batch_answer import closing, envelope_header, opening

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BHS = b"BHS|^~\\&|EHR^1.2^ISO|HOSP|ENG|STORE|20261121||name|text|B1|old"


def answer(segment: bytes, name: str = "BHS") -> bytes:
    return opening(
        "FHS" if name == "FHS" else "BHS", envelope_header(segment),
        control_id="NEW", now=NOW, own_application="WARDLINE^2.16^ISO", own_facility="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("segment", "name", "expected"),
    [
        (BHS, "BHS", b"BHS|^~\\&|ENG|STORE|EHR^1.2^ISO|HOSP|20261121120000+0000||||NEW|B1\r"),
        (b"FHS" + BHS[3:], "FHS", b"FHS|^~\\&|ENG|STORE|EHR^1.2^ISO|HOSP|20261121120000+0000||||NEW|B1\r"),
        (
            BHS.replace(b"|", b"*"),
            "BHS",
            b"BHS*^~\\&*ENG*STORE*EHR^1.2^ISO*HOSP*20261121120000+0000****NEW*B1\r",
        ),
        (b"BHS|^~\\&|A|B", "BHS", b"BHS|^~\\&|WARDLINE^2.16^ISO||A|B|20261121120000+0000||||NEW\r"),
        (b"BHS|^^^^|A|B", "BHS", b"BHS|^~\\&|WARDLINE^2.16^ISO||||20261121120000+0000||||NEW\r"),
        (b"", "BHS", b"BHS|^~\\&|WARDLINE^2.16^ISO||||20261121120000+0000||||NEW\r"),
    ],
)
def test_opening(segment: bytes, name: str, expected: bytes) -> None:
    assert answer(segment, name) == expected


def test_closing() -> None:
    assert closing("BTS", envelope_header(BHS.replace(b"|", b"*")), 3) == b"BTS*3\r"
    assert closing("FTS", envelope_header(b""), 0) == b"FTS|0\r"


@pytest.mark.parametrize(("segment", "name"), [(BHS, "BHS"), (b"FHS|^~\\&", "FHS"), (b"DOE|JANE", "")])
def test_only_the_names_of_envelopes_are_told(segment: bytes, name: str) -> None:
    header = envelope_header(segment)
    assert header.type == name
    assert header.control_id == (b"B1" if segment is BHS else b"")
    assert "B1" not in repr(header)
