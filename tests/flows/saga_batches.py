"""Batches that hold every kind of saga, in four kinds of work, under the mark of a number.

`theatre` reserves what is short, moves, releases and is refused; `ward` uses, returns and orders; `office`
opens, ends, merges, charges and credits; `buyer` sends the item master.
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from hospital_messages import Listed, Used, account, admission, booking, charges, item_master, merge

STOCK_ROOM = """\
channel: stock-room
description: A catheter of a lot is used, needles are ordered.
owner: {business: ward@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: tcp:0, message_types: [DFT^P03]}
sequence_by: PID-3
effects:
  - for_each: FT1
    when: {FT1-6.1: CG}
    consume:
      key: "{FT1-2}"
      item: FT1-7.1
      quantity: FT1-10 | number
      lot: literal(CAT-2611)
      location: literal(WH/Stock)
      used_on: FT1-4 | date
  - for_each: FT1
    when: {FT1-6.1: AJ}
    procure: {key: "{FT1-2}", item: FT1-7.1, quantity: FT1-10 | number, location: literal(WH/Stock)}
destinations:
  - odoo: {connection: hospital-odoo}
"""
"""A fourth channel, for what the shipped ones do not say: a lot, and an order."""

LATER = "20261126140000"
_CHANNELS = {
    b"ADT": "adt-encounters",
    b"BAR": "dft-charges",
    b"DFT": "dft-charges",
    b"SIU": "theatre-schedule",
    b"MFN": "item-master",
}
Sent = list[tuple[str, bytes]]


class Batch(NamedTuple):
    """What stands before, what is done to it (each with its channel), how much of that is refused."""

    before: Sent
    wanted: Sent
    refused: int = 0


def batch(work: str, number: int) -> Batch:
    """A batch of one kind of work."""
    m = mark_of(number)
    return {"theatre": _theatre, "ward": _ward, "office": _office, "buyer": _buyer}[work](m, number)


def mark_of(number: int) -> str:
    """What stands in every identifier of a batch."""
    return f"K{number:03}"


def _theatre(m: str, _: int) -> Batch:
    c = (f"{m}-{n}" for n in count(1))
    before = [
        booking(next(c), f"C1{m}", f"3{m}", f"V3{m}"),
        booking(next(c), f"C3{m}", f"5{m}", f"V5{m}", procedures=("47562", "49505")),
    ]
    wanted = [
        booking(next(c), f"C1{m}", f"3{m}", f"V3{m}", "S14", procedures=("49505",), theatre="OR2", at=LATER),
        booking(next(c), f"C3{m}", f"5{m}", f"V5{m}", "S15"),
        booking(next(c), f"C4{m}", f"8{m}", f"V8{m}", procedures=("27447",)),
        booking(next(c), f"C5{m}", f"8{m}", f"V8{m}", "S15"),  # never booked
    ]
    return Batch(_shipped(before), _shipped(wanted), 1)


def _ward(m: str, number: int) -> Batch:
    c = (f"{m}-{n}" for n in count(1))
    before = [charges(next(c), f"2{m}", f"V2{m}", Used(f"T2{m}", "270001", "4"))]
    wanted = [
        charges(next(c), f"7{m}", f"V7{m}", Used(f"T4{m}", "270010", "3", price="2.50&EUR")),
        charges(next(c), f"2{m}", f"V2{m}", Used(f"T2{m}", "270001", "1", "CD")),
    ]
    room = [
        charges(next(c), f"A{m}", "", Used(f"T6{m}", "CAT-14")),
        charges(next(c), f"B{m}", "", Used(f"T7{m}", "NDL-18", str(1100 + 10 * number), "AJ")),
    ]
    return Batch(_shipped(before), _shipped(wanted) + [("stock-room", raw) for raw in room])


def _office(m: str, _: int) -> Batch:
    c = (f"{m}-{n}" for n in count(1))
    before = [
        admission(next(c), f"1{m}", f"V1{m}"),
        charges(next(c), f"1{m}", f"V1{m}", Used(f"T1{m}", "850001")),
        booking(next(c), f"C2{m}", f"1{m}", "", procedures=("49505",)),
        charges(next(c), f"2{m}", f"V2{m}", Used(f"T3{m}", "120001", "3")),
    ]
    wanted = [
        merge(next(c), f"1{m}", f"9{m}"),
        admission(next(c), f"6{m}", f"V6{m}", "A04", "3A"),
        account(next(c), f"8{m}", f"V8{m}"),
        charges(next(c), f"7{m}", f"V7{m}", Used(f"T4{m}", "360001", "30"), Used(f"T5{m}", "990001")),
        charges(next(c), f"2{m}", f"V2{m}", Used(f"T3{m}", "120001", "1", "CD")),
    ]
    return Batch(_shipped(before), _shipped(wanted))


def _buyer(m: str, _: int) -> Batch:
    before = item_master(
        f"{m}-1",
        *(Listed("MAD", f"{letter}{m}", (f"ITM|{letter}{m}|Old|A",)) for letter in "GH"),
        Listed("MAD", f"J{m}", (f"ITM|J{m}|Old|A|||Y||||||||Y",)),
    )
    gone = item_master(f"{m}-2", Listed("MDC", f"H{m}"))
    new = (
        f"ITM|I{m}|New|A|||Y|||||Y|C{m}|5.50&EUR|Y", f"VND|1|MEDSUP||V{m}|Y", f"PKG|1|EA|Y|1|4.20&EUR|||B{m}",
        f"IVT|1|STORE|||||||EA{'|' * 15}5|20", f"ILT|1|L{m}|20290331",
    )  # fmt: skip
    wanted = item_master(
        f"{m}-3",
        Listed("MAD", f"I{m}", new),
        Listed("MDL", f"G{m}"),
        Listed("MAC", f"H{m}"),
        Listed("MUP", f"J{m}", (f"ITM|J{m}|Renamed", f"IVT|1|STORE{'|' * 22}7|0")),
    )
    return Batch(_shipped([before, gone]), _shipped([wanted]))


def _shipped(messages: list[bytes]) -> Sent:
    """Each with the shipped channel that is about it."""
    return [(_CHANNELS[raw.split(b"|")[8][:3]], raw) for raw in messages]
