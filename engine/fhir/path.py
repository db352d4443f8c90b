"""Field paths of FHIR: `SupplyRequest.quantity.value`, `ChargeItem.code[cdm]`, `SupplyRequest.identifier[2]`.

`Type.element[choice].element`, elements as JSON names them (`occurrenceDateTime`). A number in brackets
chooses of a list, counted from 1; a word chooses among codes (a system), identifiers (a type such as `MR`,
an authority's or a system's short name) or targets of a reference (`[Location]`). `->Type.path` goes on in
the resource that a reference points to: `SupplyRequest.itemReference->Medication.code`. What the words mean
is decided where paths are compiled (`engine.privacy.fhir_readers`).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from engine.errors import Misconfigured

__all__ = ["MAX_HOPS", "Path", "Step", "element_of"]

MAX_HOPS = 3
"""References that one path may follow."""

_HINT = "write it like SupplyRequest.quantity.value, ChargeItem.code[cdm] or ChargeItem.subject->Patient.id"
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_STEP = re.compile(
    r"\.(?P<name>[a-z][A-Za-z0-9]{0,63})(?:\[(?P<chosen>[A-Za-z0-9][A-Za-z0-9@_.-]{0,79})\])?", re.ASCII
)


class Step(msgspec.Struct, frozen=True):
    """One element, and what stands in brackets behind it."""

    name: str
    chosen: str = ""

    @property
    def number(self) -> int:
        """Which of a list, from 1; 0: the brackets say no number."""
        return int(self.chosen) if self.chosen.isdigit() else 0


class Path(msgspec.Struct, frozen=True):
    """One place in a resource, or through a reference in another (`then`)."""

    type: str
    steps: tuple[Step, ...]
    then: Path | None = None
    text: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def names(self) -> tuple[str, ...]:
        """The elements, without what is chosen of them."""
        return tuple(step.name for step in self.steps)

    @property
    def elements(self) -> frozenset[str]:
        """Every element on the way: `SupplyDelivery`, `SupplyDelivery.suppliedItem`, …"""
        names = self.names
        return frozenset(".".join((self.type, *names[:depth])) for depth in range(len(names) + 1))

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> Path:
        """The path that `text` writes. Raises `Misconfigured`: paths come from channel files."""
        parts = text.split("->")
        if len(parts) > MAX_HOPS + 1:
            raise Misconfigured(f"a path follows {MAX_HOPS} references at most", hint=_HINT)
        path: Path | None = None
        for part in reversed(parts):
            path = _part(part, path, text)
        assert path is not None  # noqa: S101 - a split text has a part
        return path


def element_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Type and elements of what `for_each:` names. Raises `Misconfigured`."""
    path = Path.parse(text)
    if path.then is not None or any(step.chosen for step in path.steps):
        raise Misconfigured("not a repeating element", hint="write it like SupplyDelivery.suppliedItem")
    return path.type, path.names


def _part(text: str, then: Path | None, whole: str) -> Path:
    found = _TYPE.match(text)
    at = found.end() if found else 0
    steps: list[Step] = []
    while step := _STEP.match(text, at):
        steps.append(Step(step["name"], step["chosen"] or ""))
        at = step.end()
    if found is None or not steps or at < len(text):
        raise Misconfigured("not a field path of FHIR", hint=_HINT)
    return Path(found[0], tuple(steps), then, whole)
