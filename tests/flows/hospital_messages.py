"""Messages of a made-up hospital, as its systems would send them to the shipped channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

DAY = "20261124"


class Used(NamedTuple):
    """One FT1: transaction, charge code, quantity; `kind` CG charges, CD takes back."""

    txn: str
    code: str
    quantity: str = "1"
    kind: str = "CG"
    price: str = ""
    ward: str = ""


def admission(control: str, person: str, visit: str, event: str = "A01", ward: str = "ICU") -> bytes:
    """ADT about a visit."""
    return _message(
        _msh("HIS", f"ADT^{event}", control), f"EVN||{_sent(control)}", _pid(person), _pv1(visit, ward)
    )


def merge(control: str, gone: str, into: str) -> bytes:
    """ADT^A40: two numbers, one person."""
    return _message(
        _msh("HIS", "ADT^A40^ADT_A39", control),
        f"EVN||{_sent(control)}",
        _pid(into),
        f"MRG|{gone}^^^GENERAL^MR",
    )


def charges(control: str, person: str, visit: str, *lines: Used, ward: str = "ICU") -> bytes:
    """DFT^P03."""
    said = [
        f"FT1|{n}|{one.txn}||{DAY}||{one.kind}|{one.code}^Thing^CDM|||{one.quantity}||{one.price}||||{one.ward}"
        for n, one in enumerate(lines, 1)
    ]
    return _message(
        _msh("HIS", "DFT^P03^DFT_P03", control), f"EVN||{DAY}101500", _pid(person), _pv1(visit, ward), *said
    )


def account(control: str, person: str, visit: str, event: str = "P06") -> bytes:
    """BAR about an account."""
    said = f"EVN||{_sent(control)}", _pid(person), _pv1(visit, "ICU")
    return _message(_msh("BILLING", f"BAR^{event}^BAR_{event}", control), *said)


class Listed(NamedTuple):
    """One record of an item master: MFE-1, the item, and the segments after its MFE."""

    event: str
    code: str
    segments: tuple[str, ...] = ()


def item_master(control: str, *records: Listed) -> bytes:
    """MFN^M16."""
    said: list[str] = []
    for one in records:
        said += [f"MFE|{one.event}|||{one.code}|CWE", *one.segments]
    kind = _msh("MMIS", "MFN^M16^MFN_M16", control).replace("|2.5.1", "|2.8")
    return _message(kind, "MFI|INV||UPD|||NE", *said)


def booking(
    control: str, appt: str, person: str, visit: str, event: str = "S12", *,
    procedures: Sequence[str] = ("47562",), theatre: str = "OR1", at: str = f"{DAY}093000",
) -> bytes:  # fmt: skip
    """SIU: an appointment in a theatre."""
    resources = [f"AIS|{n}|A|{code}^Operation^CPT|{at}" for n, code in enumerate(procedures, 1)]
    return _message(
        _msh("THEATRE", f"SIU^{event}^SIU_S12", control), f"SCH|P{appt}|{appt}", _pid(person),
        _pv1(visit, "3A"), "RGS|1|A", *resources, f"AIL|1|A|{theatre}",
    )  # fmt: skip


def _message(*segments: str) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()


def _msh(system: str, kind: str, control: str) -> str:
    return rf"MSH|^~\&|{system}|GENERAL|WARDLINE|GENERAL|{_sent(control)}||{kind}|{control}|P|2.5.1"


def _sent(control: str) -> str:
    """When it was sent: `…-7` is of seven seconds after `…-0`."""
    number = control.rpartition("-")[2]
    minutes, seconds = divmod(int(number) if number.isdecimal() else 0, 60)
    return f"2026112110{minutes % 60:02}{seconds:02}"


def _pid(person: str) -> str:
    return f"PID|1||{person}^^^GENERAL^MR||TESTMANN^TESSA||19700131|F"


def _pv1(visit: str, ward: str) -> str:
    return f"PV1|1|I|{ward}^1^1^GENERAL||||||||||||||||{visit}"
