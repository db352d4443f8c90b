"""When what a message speaks of happened: precision, fallbacks, times that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from engine.errors import Unacceptable
from engine.transforms.expression import Flaw
from engine.transforms.happened import Happened, compile_happened
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting

PATHS = "EVN-6 or EVN-2 or MSH-7"


def message(recorded: str = "", occurred: str = "", sent: str = "20261121100000") -> str:
    return f"MSH|^~\\&|HIS|HOSP|||{sent}||ADT^A01|C1|P|2.5.1\rEVN||{recorded}||||{occurred}\r"


@pytest.fixture
def happened(setting: Setting, scope: Callable[..., Scope]) -> Callable[..., Happened]:
    def read(text: str = PATHS, **fields: str) -> Happened:
        value = compile_happened(text, setting)
        found: Happened = value(scope(setting, message=message(**fields)))
        return found

    return read


def at(found: Happened) -> str:
    when = datetime.fromtimestamp(found.at / 1_000_000, UTC)
    assert round(when.timestamp() * 1_000_000) == found.at
    return f"{when:%d %H:%M:%S.%f}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"occurred": "20261121080000", "recorded": "20261121090000"}, "21 08:00:00.000000"),
        ({"recorded": "20261121090000"}, "21 09:00:00.000000"),
        ({}, "21 10:00:00.000000"),
        ({"recorded": '""'}, "21 10:00:00.000000"),
        ({"recorded": "20261121090000.25"}, "21 09:00:00.250000"),
        ({"recorded": "20261121090000+0100"}, "21 08:00:00.000000"),
        ({"recorded": "20261121090000", "sent": "20261121100000+0100"}, "21 08:00:00.000000"),
        # as late within its span as the message's own time allows
        ({"recorded": "202611210900"}, "21 09:00:59.999999"),
        ({"recorded": "20261121"}, "21 10:00:00.000000"),
        ({"recorded": "20261120"}, "20 23:59:59.999999"),
        ({"recorded": "20261121", "sent": "202611211000"}, "21 10:00:59.999999"),
        ({"recorded": "20261121", "sent": ""}, "21 00:00:00.000000"),
    ],
)
def test_when_it_happened(happened: Callable[..., Happened], fields: dict[str, str], expected: str) -> None:
    found = happened(**fields)
    assert at(found) == expected
    assert found.ahead == ""


def test_after_the_message_was_made_is_when_it_was_made_and_is_told(
    happened: Callable[..., Happened],
) -> None:
    found = happened(recorded="20261121090000", occurred="20261201")
    assert (at(found), found.ahead) == ("21 10:00:00.000000", "EVN-6")
    assert happened(recorded="20261121100000").ahead == ""


@pytest.mark.parametrize(
    ("fields", "place", "code"),
    [
        ({"recorded": "00000000"}, "EVN-2", "bad-value"),
        ({"recorded": "99991231"}, "EVN-2", "bad-value"),
        ({"recorded": "2026"}, "EVN-2", "bad-value"),
        ({"occurred": "yesterday"}, "EVN-6", "bad-value"),
        ({"recorded": "20261121090000", "sent": "19000101"}, "MSH-7", "bad-value"),
        ({"sent": ""}, "MSH-7", "missing-field"),
    ],
)
def test_what_is_no_time_is_never_now(
    happened: Callable[..., Happened], fields: dict[str, str], place: str, code: str
) -> None:
    with pytest.raises(Unacceptable) as refused:
        happened(**fields)
    assert (refused.value.place, refused.value.code) == (place, code)


@pytest.mark.parametrize("text", ["EVN-2 | timestamp", "literal(now)", "PID-7", "EVN-99"])
def test_only_fields_that_may_be_read_say_when(setting: Setting, text: str) -> None:
    with pytest.raises(Flaw):
        compile_happened(text, setting)
