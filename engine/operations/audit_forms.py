"""The audit as others read it: JSON lines to follow the chain by, CSV for a spreadsheet, AuditEvents."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from engine.auditing import Recorded
from engine.fhir.audit import entry_event

__all__ = ["Format", "MEDIA", "exported"]

Format = Literal["ndjson", "csv", "fhir"]

MEDIA: Final[dict[Format, str]] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "fhir": "application/x-ndjson",
}

_COLUMNS: Final = [
    "id",
    "time",
    "who",
    "role",
    "act",
    "object",
    "why",
    "ticket",
    "outcome",
    "detail",
    "chain",
]
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def exported(entries: Iterable[Recorded], form: Format) -> Iterator[bytes]:
    """The entries in one of the forms, a piece for each. JSON lines hold what the chain is made of,
    unchanged: `at` in seconds since the epoch, `chain` in hex (`docs/manual/audit.md`)."""
    if form == "csv":
        yield _line(_COLUMNS)
        yield from (_line(_cells(one)) for one in entries)
    elif form == "fhir":
        yield from (msgspec.json.encode(entry_event(one, observer="Wardline")) + b"\n" for one in entries)
    else:
        yield from (_json(one) for one in entries)


def _json(one: Recorded) -> bytes:
    entry = one.entry
    said = {
        "id": one.id, "at": entry.at, "time": _when(entry.at), "who": entry.who, "role": entry.role,
        "act": entry.act, "object": entry.object, "why": entry.why, "ticket": entry.ticket,
        "outcome": entry.outcome, "detail": dict(sorted(entry.detail.items())), "chain": one.chain.hex(),
    }  # fmt: skip
    return msgspec.json.encode(said) + b"\n"


def _cells(one: Recorded) -> list[str]:
    entry = one.entry
    detail = " ".join(f"{name}={text}" for name, text in sorted(entry.detail.items()))
    return [
        str(one.id), _when(entry.at), entry.who, entry.role, entry.act, entry.object, entry.why, entry.ticket,
        entry.outcome, detail, one.chain.hex(),
    ]  # fmt: skip


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _line(cells: Iterable[str]) -> bytes:
    """A line of CSV (RFC 4180). A cell that a spreadsheet would calculate is told to be text."""
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return text.getvalue().encode()
