"""What stands in a node of a resource: its text, its code, what its reference points to.

Everything here was let through by the policy (`engine.privacy.fhir_policy`); nothing is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from engine.fhir import references
from engine.fhir.document import Element, Resource
from engine.model import ReasonCode
from engine.privacy.fhir_numbers import Number, Numbers
from engine.privacy.fhir_table import OUR_OWN, PERSONS, domain_of
from engine.privacy.tokens import DOMAINS

__all__ = [
    "code_of",
    "id_of",
    "literal_of",
    "reference_of",
    "stand_in",
    "text_of",
    "token_of",
    "token_of_itself",
]

View = Resource | Element
_ANY_RESOURCE = DOMAINS["resource"]


class Book(Protocol):
    """What answers identifiers with tokens (`engine.privacy.book`)."""

    def token(self, domain: str, authority: str, id_type: str, value: str) -> str: ...


def text_of(node: Any) -> str | None:
    """A simple value as text; None for anything else."""
    if isinstance(node, bool):
        return "true" if node else "false"
    return str(node) if isinstance(node, str | int) else None


def code_of(node: Any, system: str, of: str) -> str | None:
    """`of` (`code`, `system`, …) of the coding that a CodeableConcept, CodeableReference or Coding stands
    for: the one that a person selected, else the first; with a `system`, the first of that system."""
    codings = [one for one in _codings(node) if not system or one.get("system") == system]
    codings = [one for one in codings if text_of(one.get("code"))]
    chosen = next((one for one in codings if one.get("userSelected") is True), None)
    found = chosen or (codings[0] if codings else None)
    return None if found is None else text_of(found.get(of))


def _codings(node: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(node, dict):
        if isinstance(node, str):
            yield {"code": node}
        return
    concept = node.get("concept", node)
    listed = concept.get("coding") if isinstance(concept, dict) else None
    if isinstance(listed, list):
        yield from (one for one in listed if isinstance(one, dict))
    elif "code" in node:
        yield node


def reference_of(node: Any) -> Mapping[str, Any]:
    """The Reference that a node is or holds (CodeableReference); an empty one for none."""
    inner = node.get("reference") if isinstance(node, dict) else None
    if isinstance(inner, dict):
        return inner
    if isinstance(node, str):
        return {"reference": node}
    return node if isinstance(node, dict) else {}


def literal_of(node: Any) -> str:
    """The text of a node's reference; empty for none."""
    found = reference_of(node).get("reference")
    return found if isinstance(found, str) else ""


def id_of(view: View, node: Any, wanted: str) -> str | None:
    """The plain id of what a reference points to: of the `wanted` type (empty: any that is no person), and
    one that this server made up or that names a place or a thing."""
    target = references.parse(literal_of(node))
    if target is None or target.type != (wanted or target.type) or target.type in PERSONS:
        return None
    if target.kind == "absolute":
        text = "a reference to another server: what is there is not known"
        view.warn(ReasonCode.UNKNOWN_REFERENCE, "", text)
    if target.kind != "literal":
        return None
    stored = target.type not in OUR_OWN or view.whole.linked(literal_of(node)) is not None
    return target.id if stored else None


def token_of(view: View, node: Any, domain: str, wanted: str, numbers: Numbers, book: Book) -> str | None:
    """The token of what a reference points to: by the identifier of the resource when it is at hand, else by
    the reference's own identifier, else by the reference itself. None when it is not of the `wanted` type
    (empty: any of the domain, a letter)."""
    literal, reference = literal_of(node), reference_of(node)
    linked, target = view.whole.linked(literal), references.parse(literal)
    type_ = (target and target.type) or (linked and linked.type) or text_of(reference.get("type")) or ""
    letter = domain_of(type_) if domain == _ANY_RESOURCE and type_ else domain
    if type_ and ((wanted and type_ != wanted) or domain_of(type_) != letter):
        return None
    number = _number(linked, letter, numbers) or numbers.find([reference.get("identifier")], letter)
    if number is not None:
        return book.token(letter, number.authority, number.kind, number.value)
    if target is None or target.kind == "contained":
        return None
    if not target.type or not target.id:
        return book.token(letter, "", "", literal)
    own = f"{target.type}/{target.id}"
    server = _here(view.whole.release) if target.kind == "literal" else literal.partition(f"/{own}")[0]
    return book.token(letter, server, "", own)


def token_of_itself(whole: Resource, domain: str, numbers: Numbers, book: Book) -> str:
    """The token of a resource: the same that references to it have."""
    number = _number(whole, domain, numbers)
    if number is not None:
        return book.token(domain, number.authority, number.kind, number.value)
    return book.token(domain, _here(whole.release), "", f"{whole.type}/{whole.id}")


def stand_in(view: View, node: Any, type_: str) -> Resource | None:
    """What a reference itself says of a resource that is not at hand: its identifier. None when it speaks
    of another type, or says nothing."""
    reference, target = reference_of(node), references.parse(literal_of(node))
    said = (target and target.type) or text_of(reference.get("type")) or type_
    if said != type_ or not isinstance(reference.get("identifier"), dict):
        return None
    made = Resource(view.whole.release, type_, "", 0, {"identifier": [reference["identifier"]]})
    made.warnings = view.warnings
    return made


def _number(whole: Resource | None, domain: str, numbers: Numbers) -> Number | None:
    listed = whole.body.get("identifier") if whole is not None else None
    if isinstance(listed, dict):
        listed = [listed]
    return numbers.find(listed, domain) if isinstance(listed, list) else None


def _here(release: str) -> str:
    """The authority of ids that this server gave."""
    return f"fhir/{release}"
