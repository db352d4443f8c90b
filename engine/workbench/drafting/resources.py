"""Sample resources of FHIR, and what they have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path as File
from typing import Any, NamedTuple

from engine.errors import Misconfigured, Unacceptable
from engine.fhir import json_text, reading, references, validation
from engine.fhir.issues import Issue, Rejected
from engine.fhir.path import Path
from engine.fhir.releases import Release
from engine.privacy.fhir_policy import FhirPolicy
from engine.workbench.drafting.facts import Cells, Facts
from engine.workbench.drafting.samples import files_below

__all__ = ["ResourceFacts", "ResourceSample", "read_resources", "resources_in"]

_RELEASES: tuple[Release, ...] = ("R4", "R4B", "R5")
_MARK = b"\xef\xbb\xbf"
_TYPE = re.compile(r"[A-Z][A-Za-z]+")

Json = Mapping[str, Any]


class ResourceSample(NamedTuple):
    """One resource: where it was found, what it is, as JSON has it, and the release that it is of."""

    name: str
    type: str
    body: dict[str, Any]
    release: Release

    def __repr__(self) -> str:
        return f"ResourceSample({self.name!r})"


def read_resources(paths: Sequence[File]) -> tuple[list[ResourceSample], list[str]]:
    """The resources below `paths`, and a line for each that is none; other files are passed over. Raises
    `Misconfigured` for a path that is not there or cannot be read."""
    samples: list[ResourceSample] = []
    unread: list[str] = []
    for file, data in files_below(paths):
        if data.removeprefix(_MARK).lstrip()[:1] in (b"{", b"<"):
            found, wrong = resources_in(file.name, data)
            samples += found
            unread += wrong
    return samples, unread


def resources_in(name: str, data: bytes) -> tuple[list[ResourceSample], list[str]]:
    """The resources of a file, JSON or XML, those of a Bundle one by one; a line for each that is none."""
    found: list[ResourceSample] = []
    wrong: list[str] = []
    data = data.removeprefix(_MARK)
    xml = data.lstrip()[:1] == b"<"
    try:
        whole = reading.read(data, "xml", "R4") if xml else json_text.load(data)
    except (Rejected, Unacceptable) as error:
        return [], [f"{name}: no resource that can be read ({error})"]
    listed = whole.get("entry") if whole.get("resourceType") == "Bundle" else [{"resource": whole}]
    entries: list[Any] = listed if isinstance(listed, list) else []
    for number, entry in enumerate(entries, 1):
        body = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(body, dict):
            said = name if len(entries) == 1 else f"{name}[{number}]"
            sample = _sample(said, body)
            if isinstance(sample, ResourceSample):
                found.append(sample)
            else:
                wrong.append(sample)
    return found, wrong


def _sample(name: str, body: dict[str, Any]) -> ResourceSample | str:
    """The resource, as of the first release that it is right in; or what is wrong with it in the first."""
    wrong: list[Issue] = []
    for release in _RELEASES:
        issues = validation.check(body, release, None)
        found = [one for one in issues if one.severity in ("error", "fatal")]
        if not found:
            return ResourceSample(name, str(body["resourceType"]), body, release)
        wrong = wrong or found
    return f"{name}: no resource of R4, R4B or R5 ({wrong[0].expression}: {wrong[0].text})"


class ResourceFacts(Facts):
    """What these resources have; `types` are those of the channel."""

    def __init__(
        self, samples: Sequence[ResourceSample], types: Sequence[str], cells: Cells | None = None
    ) -> None:
        super().__init__([], types, cells)
        self._samples = samples
        self._there = {(one.type, str(one.body.get("id", ""))): one.body for one in samples}
        self.has = cache(self._populated)

    def knows(self, path: str) -> bool:
        """Whether one of the samples' releases has the element."""
        try:
            parsed = Path.parse(path)
        except Misconfigured:
            return True  # a word of the channel's own
        return FhirPolicy().exists(parsed, {sample.release for sample in self._samples})

    def _populated(self, text: str) -> bool:
        """A type, or a path as channels write it; what is chosen in brackets counts of references alone."""
        if _TYPE.fullmatch(text):
            return any(sample.type == text for sample in self._samples)
        try:
            path = Path.parse(text)
        except Misconfigured:
            return False
        return any(self._at(sample.body, sample.body, path) for sample in self._samples)

    def _at(self, body: Json, whole: Json, path: Path) -> bool:
        if body.get("resourceType") != path.type:
            return False
        if path.names in (("id",), ("version",)):
            return True  # this server makes it
        nodes: list[Any] = [body]
        for step in path.steps:
            nodes = [one for node in nodes if isinstance(node, dict) for one in _listed(node.get(step.name))]
        chosen = path.steps[-1].chosen
        if chosen[:1].isupper():
            nodes = [node for node in nodes if _target(node)[0] == chosen]
        if path.then is None:
            return bool(nodes)
        return any(self._at(self._linked(node, whole), whole, path.then) for node in nodes)

    def _linked(self, node: Any, whole: Json) -> Json:
        type_, id_ = _target(node)
        if not type_ and id_.startswith("#"):
            contained = (one for one in _listed(whole.get("contained")) if one.get("id") == id_[1:])
            return next(contained, {})
        return self._there.get((type_, id_), {})


def _listed(node: Any) -> Iterator[Any]:
    """What stands in an element: each of a list; of a reference in a CodeableReference it too."""
    for one in node if isinstance(node, list) else [node]:
        if one not in (None, "", {}, []):
            yield one


def _target(node: Any) -> tuple[str, str]:
    """Type and id that a reference (or a CodeableReference) says; of a contained one its `#id`."""
    inner = node.get("reference") if isinstance(node, dict) else None
    text = inner.get("reference") if isinstance(inner, dict) else inner
    found = references.parse(text) if isinstance(text, str) else None
    if found is None:
        return "", ""
    return ("", f"#{found.id}") if found.kind == "contained" else (found.type, found.id)
