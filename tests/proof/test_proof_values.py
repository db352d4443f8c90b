"""Identifying values of messages that were sent, and finding them in what a database gives."""

from __future__ import annotations

import pytest

from engine.privacy.tokens import mint
from engine.proof.values import Values, identifying

RAW = "\r".join(
    [
        r"MSH|^~\&|HIS|GENERAL|W|GENERAL|20261121080000||ADT^A01^ADT_A01|C1|P|2.5.1",
        "PID|1||LH480011^^^GENERAL^MR||QUENDELSTAHL^AMALINDE||19510312|F|||11 FLORIKA MEWS^^FABELHAVEN"
        "||555-0100",
        "PV1|1|I|ICU^12^1^GENERAL||||||||||||||||LV620011",
    ]
).encode()


def test_what_identifies_is_gathered() -> None:
    found = identifying([RAW, b"no message"])
    assert {"LH480011", "QUENDELSTAHL", "AMALINDE", "19510312", "555-0100", "LV620011", "FABELHAVEN"} <= found
    assert not {"GENERAL", "ADT_A01"} & found


@pytest.mark.parametrize(
    "text",
    ["x quendelstahl y", "1951-03-12 00:00", "LH480011", r'"\\\\x' + b"Amalinde".hex(), "xQuendelstahly"],
)
def test_it_is_found(text: str) -> None:
    assert len(Values(identifying([RAW])).found_in(text.encode())) == 1


@pytest.mark.parametrize("text", ["119510312", "t1p_0123", "", "1951", "ICU"])
def test_nothing_else_is(text: str) -> None:
    assert not Values(identifying([RAW])).found_in(text.encode())


def test_a_token_holds_a_value_only_by_chance() -> None:
    [token] = mint("p", bytes(range(26)))
    values = Values([token[16:22]])
    assert not values.found_in(f"x{token}y".encode())
    assert values.found_in(f"{token} {token[16:22]}".encode())
    assert values.found_in(token[:-1].encode())  # no token: its check does not hold


def test_no_values_are_nowhere() -> None:
    assert not Values([]).found_in(b"anything")
