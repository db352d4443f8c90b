"""Which identifiers a message names, as keyed terms: what a search by number goes by.

A term is the first eight bytes of the keyed index under which the vault finds an identifier, whether or
not it has a token: a message is found that came to nothing, and the list of terms says nothing without the
key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any, Protocol

from engine.errors import Misconfigured, Unacceptable
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.privacy.authorities import Authorities
from engine.privacy.fhir_numbers import Numbers
from engine.privacy.fhir_reading import token_of, token_of_itself
from engine.privacy.fhir_table import domain_of
from engine.privacy.identifiers import Identifier, layout_of
from engine.privacy.policy import Policy
from engine.privacy.table import v2_table
from engine.privacy.tokens import DOMAINS
from engine.privacy.vault import canonical

__all__ = ["SEARCHED", "Mentions", "NoMentions", "ResourceMentions", "V2Mentions", "term"]

SEARCHED = {word: DOMAINS[word] for word in ("person", "visit", "account", "order", "appt")}
"""The token domains whose numbers people search by."""

_LETTERS = frozenset(SEARCHED.values())
_ANY = DOMAINS["resource"]

_STANDARD = (
    "PID-3", "PID-18", "PV1-19", "PV1-50", "ORC-2", "ORC-3", "ORC-4", "OBR-2", "OBR-3", "SCH-1", "SCH-2",
    "MRG-1", "MRG-3", "MRG-5",
)  # fmt: skip
"""Read of every message, whatever its channel is about."""

_REMEMBERED = 20_000  # about 4 MB
_MOST = 1_000  # of one message

Index = Callable[[str], bytes]


def term(lookup: bytes) -> int:
    """The number that stands for an identifier: the first eight bytes of its keyed index, signed."""
    return int.from_bytes(lookup[:8], "big", signed=True)


class Mentions(Protocol):
    """Finds the terms of what a parsed message names; `index` is the vault's (`Vault.index`). `seen` are the
    names of the authorities whose numbers came by."""

    @property
    def seen(self) -> Set[str]: ...

    def of(self, document: Any, index: Index) -> tuple[int, ...]: ...


class NoMentions:
    """Of a channel whose messages nobody searches: rehearsals."""

    seen: Set[str] = frozenset()

    def of(self, document: Any, index: Index) -> tuple[int, ...]:  # noqa: ARG002
        return ()


class V2Mentions:
    """Of HL7 v2 messages: the usual fields, and those that the channel's own `paths` read.

    A policy that does not let a number become a token keeps it from being searched, too. Terms of fields
    that come again are remembered by a hash of the field, never the field itself."""

    def __init__(self, policy: Policy, authorities: Authorities, paths: Iterable[str] = ()) -> None:
        self.seen = authorities.seen
        self._index: Index | None = None
        self._known: dict[int, tuple[int, ...]] = {}  # under this index
        by_segment: dict[str, list[tuple[int, str, Identifier]]] = {}
        for text in dict.fromkeys((*_STANDARD, *paths)):
            path = Path.parse(text)
            rule = policy.treatment(path.segment, path.field)
            if rule.treatment == "token" and rule.domain in _LETTERS:
                layout = layout_of(v2_table().fields[path.segment, path.field].datatypes)
                identifier = Identifier(path, layout, rule.domain, authorities)
                by_segment.setdefault(path.segment, []).append((path.field, rule.domain, identifier))
        self._fields = tuple((segment, tuple(fields)) for segment, fields in by_segment.items())

    def of(self, document: Document, index: Index) -> tuple[int, ...]:
        """The terms of a message, each once; a field that cannot be read names nobody."""
        if index != self._index:
            self._index, self._known = index, {}
        found: list[int] = []
        known, header = self._known, document.header
        frame = hash((header.field(4), header.delimiters.encoding, document.codec))
        positions = document.whereabouts.get
        for segment, fields in self._fields:
            for position in positions(segment, ()):
                try:
                    values = document.fields(position)
                except Unacceptable:
                    continue  # more fields than a segment may have: whoever needs it refuses it
                most = len(values)
                for number, domain, identifier in fields:
                    if number < most and (text := values[number]):
                        key = hash((text, number, segment, frame))
                        terms = known.get(key)
                        if terms is None:
                            terms = tuple(_terms(domain, identifier.every(document, values), index))
                            self._remember(key, terms)
                        found += terms
        return tuple(dict.fromkeys(found))[:_MOST]

    def _remember(self, key: int, terms: tuple[int, ...]) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known = {}
        self._known[key] = terms


class ResourceMentions:
    """Of FHIR resources: their own numbers and id, and all that they refer to."""

    def __init__(self, authorities: Authorities) -> None:
        self.seen = authorities.seen
        self._numbers = Numbers(authorities)

    def of(self, resource: Resource, index: Index) -> tuple[int, ...]:
        """The terms of a resource, each once."""
        said = _Said(index)
        letter = domain_of(resource.type)
        if letter in _LETTERS:
            listed = resource.body.get("identifier")
            every = self._numbers.every(listed if isinstance(listed, list) else [listed], letter)
            for one in every:
                said.token(letter, one.authority, one.kind, one.value)
            if resource.id:
                token_of_itself(resource, letter, _NO_NUMBERS, said)
        for node in _references(resource.body):
            token_of(resource, node, _ANY, "", self._numbers, said)
            token_of(resource, node, _ANY, "", _NO_NUMBERS, said)
        return tuple(sorted(said.terms)[:_MOST])


class _Said:
    """What answers readers in the place of a token book: it takes down what they ask for, mints nothing."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.terms: set[int] = set()

    def token(self, domain: str, authority: str, id_type: str, value: str) -> str:
        if domain in _LETTERS:
            self.terms.update(_terms(domain, [(authority, id_type, value)], self._index))
        return ""


class _NoNumbers(Numbers):
    """For what a resource goes by at this server: its id, whatever numbers it has."""

    def __init__(self) -> None:
        super().__init__(Authorities())

    def find(self, *_: Any) -> None:
        return None


_NO_NUMBERS = _NoNumbers()


def _terms(domain: str, numbers: Iterable[tuple[str, str, str]], index: Index) -> Iterator[int]:
    try:
        for authority, kind, value in numbers:
            yield term(index(canonical(domain, authority, kind, value)))
    except (Unacceptable, Misconfigured):
        return  # more than a field may hold, or a control character in a number


def _references(node: Any) -> Iterator[Any]:
    """Every element that refers to another resource, contained ones' too."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if isinstance(one.get("reference"), str) or _names(one):
                yield one
            waiting += one.values()


def _names(one: dict[str, Any]) -> bool:
    """Whether it refers by a number alone."""
    return isinstance(one.get("identifier"), dict) and "resourceType" not in one
