"""The messages of the hospital's own test cases, with a canary in every place that the policy does not let
pass: what the channels need to go on (codes, quantities, places, dates that go out) stays as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from engine.config.cases.reading import (
    CASES_SUFFIX,
    CaseFile,
    links_of,
    message_of,
    messages_before,
    read_cases,
)
from engine.config.loading import LoadedChannel
from engine.config.spec import FhirSource
from engine.errors import Misconfigured, Unacceptable
from engine.fhir import json_text
from engine.fhir.path import Path
from engine.fhir.stored import Stored, unpack
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.table import components_of
from engine.proof.canaries import Canaries
from engine.proof.hl7_messages import CORE, FIELDS, NUMERIC, PASSES, Writer, treatment_of
from engine.proof.hl7_traffic import Sent

__all__ = ["overlaid_messages", "overlaid_resources"]

_NEEDED: Final = PASSES | {"engine"}
_RELATED: Final = ("NK1",)
_NAMES: Final = re.compile(rb'"([A-Za-z]+)" *:')
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ALIKE: Final = 2
"""Messages of a channel with the same places that are taken: what cases vary is mostly a code or a number."""
_TELLING: Final = frozenset({"display", "text", "div", "name", "comment", "note"})


def overlaid_messages(channel: LoadedChannel, canaries: Canaries) -> Iterator[Sent]:
    """The messages of a channel's cases, in order, those that come before a case too."""
    for name, raw in _raw(channel):
        yield Sent(name, channel.spec.channel, _Overlay(name, canaries).message(raw))


def overlaid_resources(
    channel: LoadedChannel, canaries: Canaries
) -> Iterator[tuple[str, Stored, dict[str, Any]]]:
    """The resources of a FHIR channel's cases: name, what the case says of it, its body."""
    for name, raw in _raw(channel):
        try:
            stored = unpack(raw)
            body = json_text.load(stored.body)
        except (Unacceptable, ValueError, LookupError):
            continue
        yield name, stored, _Walk(name, canaries).object(body, stored.type)


def _raw(channel: LoadedChannel) -> Iterator[tuple[str, bytes]]:
    path = channel.path.with_suffix("").with_suffix(CASES_SUFFIX)
    file = read_cases(path).cases if path.exists() else None
    if file is None:
        return
    folder, source = path.parent, channel.spec.source.fhir
    alike = Counter[tuple[object, ...]]()
    for number, case in enumerate(file.cases):
        for at, (raw, problem) in enumerate(_sent(file, folder, number, source)):
            alike[shape := _shape(raw)] += 1
            if problem is None and alike[shape] <= _ALIKE:
                yield f"{channel.spec.channel}: {case.name} ({at})", raw


def _shape(raw: bytes) -> tuple[object, ...]:
    """The places of a message, whatever stands in them; of a resource, the names in it."""
    if not raw.startswith(b"MSH|"):
        return tuple(sorted(set(_NAMES.findall(raw))))
    lines = [line.split(b"|") for line in raw.split(b"\r") if line]
    kind = lines[0][8:9]
    return (*kind, *((line[0], *(bool(field) for field in line[1:])) for line in lines))


def _sent(file: CaseFile, folder: Any, number: int, source: FhirSource | None) -> Iterator[Any]:
    if source is not None:
        yield from links_of(file, folder, number, source)
    yield from messages_before(file, folder, number, source)
    yield message_of(file, folder, number, source)


class _Overlay:
    """Lays canaries over one message of HL7 v2; the same number of a case has the same canary everywhere."""

    def __init__(self, name: str, canaries: Canaries) -> None:
        self._name, self._canaries = name, canaries
        self._known: dict[str, str] = {}

    def message(self, raw: bytes) -> bytes:
        if not raw.startswith(rb"MSH|^~\&|"):
            return raw
        lines = raw.decode("utf-8", "surrogateescape").split("\r")
        made = [self._segment(line) for line in lines if line]
        there = {line[:3] for line in made}
        write = Writer(self._canaries, repetitions=1)
        made += [write.segment(self._name, one) for one in _RELATED if one not in there]
        made.append(write.text("ZPI|@|@^@", f"{self._name}: ZPI-1"))
        return "".join(f"{line}\r" for line in made).encode("utf-8", "surrogateescape")

    def _segment(self, line: str) -> str:
        fields = line.split("|")
        rows = FIELDS.get(fields[0])
        if rows is None or fields[0] in ("FHS", "BHS", "BTS", "FTS", "DSC", "ADD", "MSA"):
            return line
        if fields[0] == "MSH":
            fields[9:10] = (
                [self._number(f"{fields[9]}", "MSH-10")] if len(fields) > 9 and fields[9] else fields[9:10]
            )
            return "|".join(fields)
        last = max(rows) if fields[0] in CORE else len(fields) - 1
        fields += [""] * (last + 1 - len(fields))
        for number in range(1, last + 1):
            fields[number] = self._field(fields[0], number, fields[number])
        return "|".join(fields)

    def _field(self, segment: str, number: int, text: str) -> str:
        row, path = FIELDS[segment].get(number), f"{segment}-{number}"
        if row is None or (not text and (row.treatment in _NEEDED or row.treatment == "token")):
            return text
        if set(row.datatypes) <= NUMERIC and row.treatment not in _NEEDED:
            return self._canaries.digits(f"{self._name}: {path}")
        return "~".join(self._repetition(row, path, one) for one in text.split("~"))

    def _repetition(self, row: Any, path: str, text: str) -> str:
        parts = text.split("^")
        last = max([len(components_of(kind)) for kind in row.datatypes] + [1]) + 1
        parts += [""] * (last - len(parts))
        for at, part in enumerate(parts, 1):
            word = treatment_of(row, at)
            if word in _NEEDED or (word == "token" and not part):
                continue
            place = f"{path}.{at}"
            parts[at - 1] = (
                self._number(part, place)
                if word == "token"
                else self._canaries.word(f"{self._name}: {place}")
            )
        return "^".join(parts).rstrip("^")

    def _number(self, text: str, place: str) -> str:
        if text not in self._known:
            self._known[text] = self._canaries.word(f"{self._name}: {place}")
        return self._known[text]


class _Walk:
    """Lays canaries over one resource of FHIR."""

    def __init__(self, name: str, canaries: Canaries) -> None:
        self._name, self._canaries = name, canaries
        self._policy = FhirPolicy()

    def object(self, value: dict[str, Any], path: str) -> dict[str, Any]:
        return {name: self._value(part, f"{path}.{name}", name) for name, part in value.items()}

    def _value(self, value: Any, path: str, name: str) -> Any:
        if isinstance(value, dict):
            return self.object(value, path)
        if isinstance(value, list):
            return [self._value(one, path, name) for one in value]
        if not isinstance(value, str) or not self._tells(path, name):
            return value
        place = f"{self._name}: {path}"
        return self._canaries.day(place).isoformat() if _DAY.fullmatch(value) else self._canaries.word(place)

    def _tells(self, path: str, name: str) -> bool:
        if name in ("reference", "id", "resourceType", "url", "system", "code", "status"):
            return False
        try:
            treatment = self._policy.leaf(Path.parse(path)).rule.treatment
        except Misconfigured:
            return False
        return treatment in ("drop", "scan", "token") or (treatment == "deny" and name in _TELLING)
