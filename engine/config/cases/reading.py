"""The cases of a channel: what a test file beside it may hold, and the message each case sends.

`theatre-schedule.test.yaml` says what becomes of which message through `theatre-schedule.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.config.cases.fhir import resource_of
from engine.config.cases.files import CASES_SUFFIX, Case, CaseFile, Expectation, Sent
from engine.config.cases.overriding import Unplaced, add, override, remove
from engine.config.cases.tables import written_out
from engine.config.finding import Finding, Place, Problem
from engine.config.positions import Positions
from engine.config.reading import MAX_BYTES, Node, read_yaml
from engine.config.spec import FhirSource
from engine.config.validation import validate
from engine.transforms.wording import meant

__all__ = [
    "CASES_SUFFIX",
    "Case",
    "CaseFile",
    "CaseList",
    "Expectation",
    "links_of",
    "listed_in",
    "message_of",
    "messages_before",
    "read_cases",
]


class CaseList(NamedTuple):
    """A test file as read: its cases (None when it cannot be used), where they stand, what is wrong."""

    path: Path
    cases: CaseFile | None
    positions: Positions
    findings: list[Finding]


def read_cases(path: Path) -> CaseList:
    """The test file at `path`. Never raises for what it holds."""
    shown = str(path)
    with path.open("rb") as file:
        reading = read_yaml(file.read(MAX_BYTES + 1), shown)
    if reading.data is None:
        return CaseList(path, None, reading.positions, reading.findings)
    return listed_in(path, reading.data, reading.positions, path.parent)


def listed_in(path: Path, data: Node, positions: Positions, folder: Path) -> CaseList:
    """What `data` of the file `path` lists; the files that it names lie in `folder`."""
    data, positions, problems = written_out(data, positions, folder)
    cases: CaseFile | None = None
    if not problems:
        cases, problems = validate(CaseFile, data)
        problems += _expecting(cases)
    findings = [positions.finding(one) for one in problems]
    return CaseList(path, None if findings else cases, positions, findings)


def _expecting(file: CaseFile | None) -> Iterator[Problem]:
    """Cases that could not fail, and two of one name."""
    names: dict[str, int] = {}
    for number, case in enumerate(file.cases if file else ()):
        if "expect" not in case.model_fields_set:
            yield Problem(("cases", number), "expect is missing", "say what becomes of the message")
        if names.setdefault(case.name, number) != number:
            yield Problem(("cases", number, "name"), "another case has this name")


def message_of(
    file: CaseFile, folder: Path, number: int, source: FhirSource | None = None
) -> tuple[bytes, Problem | None]:
    """The message that case `number` of `file` (a file in `folder`) sends, or what keeps it from
    being made; `source` is that of a FHIR channel."""
    return _made(file.cases[number], file, folder, ("cases", number), source)


def messages_before(
    file: CaseFile, folder: Path, number: int, source: FhirSource | None = None
) -> list[tuple[bytes, Problem | None]]:
    """The same for each message that is sent before that of case `number`."""
    return _listed(file.cases[number].after, file, folder, ("cases", number, "after"), source)


def links_of(
    file: CaseFile, folder: Path, number: int, source: FhirSource
) -> list[tuple[bytes, Problem | None]]:
    """The same for each resource that is there before case `number`."""
    return _listed(file.cases[number].links, file, folder, ("cases", number, "links"), source)


def _listed(
    listed: Sequence[str | Sent], file: CaseFile, folder: Path, place: Place, source: FhirSource | None
) -> list[tuple[bytes, Problem | None]]:
    return [
        _made(
            Sent.model_validate({"message": one}) if isinstance(one, str) else one,
            file,
            folder,
            (*place, at),
            source,
        )
        for at, one in enumerate(listed)
    ]


def _made(
    sent: Sent, file: CaseFile, folder: Path, place: Place, source: FhirSource | None
) -> tuple[bytes, Problem | None]:
    if source is not None:
        return resource_of(sent, file, folder, place, source)
    return _message(sent, file, folder, place)


def _message(sent: Sent, file: CaseFile, folder: Path, place: Place) -> tuple[bytes, Problem | None]:
    text, problem = _start(sent, file, folder, place)
    if problem is not None:
        return b"", problem
    for here, change in _changes(sent):
        try:
            text = change(text)
        except Unplaced as error:
            return b"", Problem((*place, *here), str(error), on_key=here[0] == "with")
    return text.encode("utf-8", "surrogateescape"), None


def _changes(sent: Sent) -> Iterator[tuple[Place, Callable[[str], str]]]:
    """What a case does to its message, in order: segments go, segments come, places change."""
    for at, segment in enumerate(sent.without):
        yield ("without", at), partial(_without, segment)
    added = sent.add if isinstance(sent.add, dict) else {"": sent.add} if sent.add else {}
    for after, segments in added.items():
        yield ("add", after), partial(_with_segments, after, segments)
    for path, value in sent.overrides.items():
        yield ("with", path), partial(_with, path, value)


def _without(segment: str, message: str) -> str:
    return remove(message, segment)


def _with_segments(after: str, segments: Sequence[str], message: str) -> str:
    return add(message, after, segments)


def _with(path: str, value: object, message: str) -> str:
    if not isinstance(value, str):
        raise Unplaced("a field is a text")
    return override(message, path, value)


def _start(sent: Sent, file: CaseFile, folder: Path, place: Place) -> tuple[str, Problem | None]:
    """The message before its changes, segments ended by CR."""
    if (sent.message is None) == (sent.file is None):
        return "", Problem(place, "a case has one message", "give message: or file:")
    if sent.file is not None:
        return _from_file(folder / sent.file, (*place, "file"))
    text = sent.message or ""
    if isinstance(text, str) and "|" not in text:
        if text not in file.messages:
            return "", Problem(
                (*place, "message"), f"no message is called {text}", meant(text, file.messages)
            )
        text = file.messages[text]
    if not isinstance(text, str):
        return "", Problem((*place, "message"), "a message of HL7 v2 is a text", "write it with | over lines")
    return _segments(text), None


def _from_file(path: Path, place: Place) -> tuple[str, Problem | None]:
    try:
        raw = path.read_bytes()
    except OSError:
        return "", Problem(place, "the file cannot be read", "it is looked for beside the test file")
    return _segments(raw.decode("utf-8", "surrogateescape")), None


def _segments(text: str) -> str:
    """Lines as a person writes them, ended as HL7 ends them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    return "".join(f"{line.strip(' ')}\r" for line in lines)
