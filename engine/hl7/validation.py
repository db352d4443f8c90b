"""Does a message have the structure that its version asks for? By hl7apy's tables (2.1 to 2.8.2).

hl7apy is slow (about a millisecond a repetition) and its words hold values, so it runs in processes of its
own (`engine.validating`), and what comes out of here are places, codes and fixed phrases alone.

What makes a message wrong: a required segment, field or component that is missing, more repetitions than
allowed, another datatype. What is only worth a look: a code that its HL7 table does not have, a value longer
than its version's limit (advisory before 2.7), segments and fields that the structure does not expect, which
a receiver is to pass over (HL7 v2.9.1 chapter 2, section 2.5.2). hl7apy's own mistakes are left out: groups
that are a choice, where it asks for every alternative, and withdrawn places, which it counts as too many.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Literal

import msgspec

from engine.hl7.document import Document
from engine.hl7.names import VERSIONS
from engine.hl7.tables import read_version

__all__ = ["LARGEST", "MOST", "Finding", "findings"]

LARGEST = 256 * 1024
"""Bytes of a message that is still checked: hl7apy takes longer than anyone waits for a larger one."""

MOST = 20
"""Findings of one message that are told."""


class Finding(msgspec.Struct, frozen=True):
    """What is wrong (`E`) or worth a look (`W`, table 0516), at a place such as `PID-3` or `PV1`, with its
    code of table 0357 and a fixed phrase."""

    severity: Literal["E", "W"]
    place: str
    hl7: int
    text: str


def findings(raw: bytes, default_charset: str = "") -> list[Finding]:
    """What is wrong with the structure of a message, worst first, at most `MOST`. Blocking, and slow.

    Raises `Unacceptable` for what is no readable HL7 at all."""
    document = Document.parse(raw, default_charset=default_charset)
    if document.pointers is not None:
        return []  # a piece: what it is a piece of is looked at when it is whole
    version = _version(document.header.version)
    if not version:
        return [Finding("W", "MSH-12", 203, "not checked: no tables of this version")]
    if len(raw) > LARGEST:
        return [Finding("W", "", 104, f"not checked: longer than {LARGEST // 1024} KiB")]
    found = dict.fromkeys(_checked(document, version))
    return sorted(found, key=lambda one: one.severity)[:MOST]


def _checked(document: Document, version: str) -> Iterator[Finding]:
    from hl7apy import validation
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.exceptions import HL7apyException
    from hl7apy.parser import parse_message

    report = _Report()
    text = _plain(document, version)
    try:
        message = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
        # Where it writes its report to: a file that never is one, because the report holds values.
        validation.open = report.open
        validation.Validator.validate(message, report_file="report")
    except HL7apyException:
        pass  # the first of what the report holds
    except Exception as error:  # its parser gives up in many ways
        yield Finding("W", "", 199, f"not checked: hl7apy failed with {type(error).__name__}")
    for line in report.lines():
        found = _finding(line, version)
        if found is not None:
            yield found


class _Report:
    """hl7apy's report, kept in memory."""

    def __init__(self) -> None:
        self._files: list[io.StringIO] = []

    def open(self, *_: Any) -> io.StringIO:
        file = io.StringIO()
        file.close = lambda: None  # type: ignore[method-assign]
        self._files.append(file)
        return file

    def lines(self) -> Iterator[str]:
        for file in self._files:
            yield from file.getvalue().split("\n")  # no value holds one: they end segments


def _plain(document: Document, version: str) -> str:
    """The message as hl7apy takes it: segments ended by CR, four encoding characters, a version it knows."""
    segments = [list(fields) for fields in document.segments()]
    header = segments[0]
    header[2] = header[2][:4]
    if len(header) > 12:
        header[12] = version
    separator = document.delimiters.field
    first = f"MSH{separator}{separator.join(header[2:])}"
    return "\r".join([first, *(separator.join(fields) for fields in segments[1:])]) + "\r"


def _version(text: str) -> str:
    """The version whose tables fit what MSH-12 says; empty: none."""
    numbers = read_version(text)
    name = ".".join(map(str, numbers)) if numbers else ""
    return name if name in VERSIONS else ""


def _finding(line: str, version: str) -> Finding | None:
    for pattern, made in _SENTENCES:
        match = pattern.match(line)
        if match:
            return made(match, version)
    return None


_OPTIONAL = frozenset({"OBX_4", "RQ1"})
"""What those tables want and the standard does not: conditional, or in brackets."""


def _missing(match: re.Match[str], version: str) -> Finding | None:
    parent, child = match["parent"], match["child"]
    if _is_choice(parent) or child in _OPTIONAL or parent in _withdrawn(version):
        return None
    if "_" in child and child.rpartition("_")[2].isdecimal():
        return Finding("E", _place(parent, child), 101, "required, and nothing here")
    return Finding("E", child, 100, "required, and not in the message")


def _too_many(match: re.Match[str], version: str) -> Finding | None:
    parent, child = match["parent"], match["child"]
    if {parent, child} & _withdrawn(version):
        return None
    return Finding("E", _place(parent, child), 198, "more often than allowed")


def _datatype(match: re.Match[str], version: str) -> Finding | None:
    parent, child = match["parent"], match["child"]
    if match["is"] == "None" or {parent, child} & _withdrawn(version):
        return None
    return Finding("E", _place(parent, child), 102, "not of the datatype that is wanted here")


def _table(match: re.Match[str], _version: str) -> Finding | None:
    table = match["table"].removeprefix("HL7")
    if table in _OPEN_TABLES:
        return None
    return Finding("W", _place(match["parent"], match["child"]), 103, f"not in table {table}")


def _length(match: re.Match[str], _version: str) -> Finding:
    text = f"longer than {match['length']} characters"
    return Finding("W", _place(match["parent"], match["child"]), 104, text)


def _unexpected(match: re.Match[str], _version: str) -> Finding:
    names = re.findall(r"'(\w{1,12})'", match["rest"])
    place = names[0] if names else match["name"]
    shown = _place("", place) if place.rpartition("_")[2].isdecimal() else place
    return Finding("W", shown, 100, "holds what is not expected here, passed over")


_OPEN_TABLES = frozenset({"0396", "0301"})
"""Names of coding systems and of kinds of universal ids: everyone has further ones."""

_PLACE = r"(?P<parent>\w+)\.(?P<child>\w+)"
_SENTENCES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], Finding | None]], ...] = (
    (re.compile(rf"Error: Missing required child {_PLACE}$"), _missing),
    (re.compile(rf"Error: Child limit exceeded {_PLACE}$"), _too_many),
    (re.compile(rf"Error: Datatype (?P<is>\w+) is not correct for {_PLACE} "), _datatype),
    (re.compile(rf"Warning: Value .* not in table (?P<table>\w+) in element {_PLACE}$", re.DOTALL), _table),
    (re.compile(rf"Warning: Exceeded max length \((?P<length>\d+)\) of {_PLACE}$"), _length),
    (
        re.compile(r"Error: Invalid children detected for <\w+ (?P<name>\w+).*: \[(?P<rest>[^\]]*)\]$"),
        _unexpected,
    ),
    (re.compile(r"Error: Unknown element found: \w+\.<Segment (?P<name>\w{3})(?P<rest>)>"), _unexpected),
)


def _place(parent: str, child: str) -> str:
    """hl7apy's names as a field path: `PID`, `PID_3` → `PID-3`; `PID_3`, `CX_1` → `PID-3.1`. Below a
    component its datatype alone is known: `CX_4`, `HD_3` → `CX.4.3`."""
    number = child.rpartition("_")[2]
    segment, _, field = parent.rpartition("_")
    if not segment or not field.isdecimal() or child.startswith(f"{parent}_"):
        return f"{child.rpartition('_')[0]}-{number}"
    if len(segment) == 3 and segment.isupper():
        return f"{segment}-{field}.{number}"
    return f"{segment}.{field}.{number}"


def _is_choice(group: str) -> bool:
    """A group of alternatives: hl7apy names it after the segments it is a choice of."""
    return group.endswith("_SUPPGRP") or "RQDRQ1RXO" in group


@cache
def _withdrawn(version: str) -> frozenset[str]:
    """Fields and components that may not occur any more in this version: once legal, and still filled."""
    package = f"hl7apy.v{version.replace('.', '_')}"
    names: set[str] = set()
    for module, table in (("segments", "SEGMENTS"), ("datatypes", "DATATYPES_STRUCTS")):
        structures = getattr(import_module(f"{package}.{module}"), table, {})
        for structure in structures.values():
            names.update(_never(structure))
    return frozenset(names)


def _never(structure: Any) -> Iterator[str]:
    entries = structure[1] if structure and structure[0] == "sequence" and len(structure) > 1 else structure
    for entry in entries or ():
        counted = isinstance(entry, tuple | list) and len(entry) > 2 and isinstance(entry[2], tuple)
        if counted and entry[2][1] == 0:
            yield entry[0]
