"""A FHIR resource as lines: every value at its path, masked by the same policy that channels read by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.errors import Misconfigured, Unacceptable
from engine.fhir import references
from engine.fhir.document import Resource
from engine.fhir.json_text import load
from engine.fhir.path import Path
from engine.fhir.stored import unpack
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_reading import text_of
from engine.privacy.fhir_table import THINGS, domain_of
from engine.privacy.matching import Identities
from engine.privacy.rules import Rule
from engine.workbench.masking import SHOWN, Line, mask, treatment_shown

__all__ = ["is_resource", "resource_lines"]

_DENIED = Rule("deny")


def is_resource(raw: bytes) -> bool:
    """Whether this is a stored resource, or the JSON of one, rather than a message of HL7 v2."""
    return raw.startswith(b"fhir ") or raw.lstrip()[:1] == b"{"


def resource_lines(raw: bytes, policy: FhirPolicy, *, show_phi: bool = False) -> Iterator[Line]:
    """The values of a resource, in their order. Raises `Unacceptable` for what is none."""
    if raw.startswith(b"fhir "):
        stored = unpack(raw)
        raw = stored.body
    resource = load(raw)
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or not type_.isalpha():
        raise Unacceptable("structure", "resourceType", "it does not say what it is", hl7=100)
    whole = Resource("R4", type_, "", 0, resource)  # without links, its release says nothing
    identities = Identities(() if show_phi else fhir_harvest(whole))
    for names, at, value in _leaves(resource, (), ""):
        if names == ("resourceType",):
            continue
        known = _rule(policy, type_, names)
        rule = _by_target(known or _DENIED, names, value)
        shown = at if known or show_phi else ".?"  # a name that is none may say anything
        passes = rule.treatment in SHOWN and not identities.row_in(value)
        text = value if passes or show_phi else mask(rule.treatment, rule.domain, value)
        masked = not passes and not show_phi
        what = treatment_shown(rule)
        yield Line(f"{type_}{shown}", type_, "", "", text, what, masked=masked, row=rule.row)


def _leaves(node: Any, names: tuple[str, ...], shown: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Elements, path with numbers, text of every value below a node."""
    if isinstance(node, dict):
        for name, part in node.items():
            yield from _leaves(part, (*names, name), f"{shown}.{name}")
    elif isinstance(node, list):
        for number, part in enumerate(node, 1):
            yield from _leaves(part, names, f"{shown}[{number}]" if len(node) > 1 else shown)
    elif node is not None:
        yield names, shown, text_of(node) or str(node)


def _rule(policy: FhirPolicy, type_: str, names: tuple[str, ...]) -> Rule | None:
    """What becomes of an element; None for what is none."""
    try:
        return policy.leaf(Path.parse(".".join((type_, *names)))).rule
    except Misconfigured:
        return None


def _by_target(rule: Rule, names: tuple[str, ...], value: str) -> Rule:
    """Of a reference, what becomes of it by what it points to: places and things are told, people never."""
    target = references.parse(value) if names[-1] == "reference" else None
    if target is None or not target.type or rule.treatment not in ("keep", "token"):
        return rule
    told = target.type in THINGS and target.kind == "literal"
    domain = rule.domain or domain_of(target.type)
    return msgspec.structs.replace(rule, treatment="keep" if told else "token", domain=domain)
