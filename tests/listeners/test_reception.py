"""engine.listeners.reception: whoever waits for an application answer is never left waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import pytest

from engine.hl7.accept import AcceptRules
from engine.hl7.header import read_header
from engine.listeners import exchange
from engine.listeners.channel import Channel, Doors
from engine.listeners.reception import Reception
from engine.model import Answered, Arrival, Reason, ReasonCode, Receipt
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing

NO_ITEM = Reason(ReasonCode.UNMAPPED_CODE, "this code is not in the table", "FT1-7", hl7=103)


class Reply:
    """A connection, or a place in a file."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def committed(self) -> None:
        self.said.append("committed")

    def interim(self, payload: bytes) -> None:
        self.said.append(payload.split(b"\r")[1].decode())

    def answer(self, payload: bytes | None) -> None:
        self.said.append(payload.split(b"\r")[1].decode() if payload else "nothing more")

    def abandon(self, last: bytes | None = None) -> None:
        assert last is None
        self.said.append("closed")


def heard(
    raw: bytes, outcome: Answered, *, first: bytes = b"", respond: Literal["master", ""] = ""
) -> tuple[list[str], Counter[str]]:
    """What the sender of `raw` hears when that is its outcome."""

    def submit(_: Arrival, settled: Callable[[Receipt | None], None]) -> None:
        settled(Receipt(1, answered=""))

    def wait(_: int, told: Callable[..., None], *__: Any) -> None:
        told(outcome, NO_ITEM if outcome == "error" else None)

    doors = Doors(
        submit,
        wait,
        lambda _, told: told(first),
        lambda _, told: told(["the only key"]),
        Fingerprints(KeyRing({"first": b"\x07" * 32})),
    )
    channel = Channel("charges", AcceptRules(), acknowledge="transform", respond=respond)
    counters, reply = Counter[str](), Reply()
    Reception(channel, doors, counters).take(raw, read_header(raw), reply)
    return reply.said, counters


def message(control_id: str, asks: str, pointer: str = "", *, body: str = "PID|1||77\r") -> bytes:
    return f"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|{control_id}|P|2.5||{pointer}|{asks}\r{body}".encode()


FIRST, LAST = message("C1", "AL|AL", body="DSC|next\r"), message("C2", "AL|AL", "next")
UNRELEASED = message("C2", "NE|AL", "next")


def test_after_the_last_piece_the_answer_names_the_first() -> None:
    assert heard(LAST, "accepted", first=FIRST)[0] == ["committed", "MSA|CA|C2", "MSA|AA|C1"]
    assert heard(LAST, "accepted", first=b"")[0] == ["committed", "MSA|CA|C2", "MSA|AA|C2"]
    assert heard(FIRST, "accepted")[0] == ["committed", "MSA|CA|C1", "nothing more"]


@pytest.mark.parametrize(("last", "end"), [(LAST, ["MSA|CA|C2", "nothing more"]), (UNRELEASED, ["closed"])])
def test_an_answer_to_the_first_piece_that_cannot_be_written_ends_the_waiting(
    monkeypatch: pytest.MonkeyPatch, last: bytes, end: list[str]
) -> None:
    write = exchange.build

    def fails(header: Any, *given: Any, **named: Any) -> bytes:
        if header.field(10) == b"C1":
            raise LookupError
        return write(header, *given, **named)

    monkeypatch.setattr(exchange, "build", fails)
    said, counters = heard(last, "accepted", first=FIRST)
    assert said == ["committed", *end]
    assert counters["application_answer_missing"] == (end[-1] == "nothing more")


def test_an_answer_about_every_record_that_cannot_be_written_ends_the_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = message("C3", "AL|AL", body="MFI|CDM||UPD|||AL\r")
    assert heard(raw, "error", respond="master")[0][-1] == "MSA|AE|C3"

    def fails(*_: Any, **__: Any) -> None:
        raise LookupError

    monkeypatch.setattr(exchange, "master_response", fails)
    assert heard(raw, "error", respond="master")[0] == ["committed", "MSA|CA|C3", "nothing more"]
