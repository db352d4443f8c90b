"""A message or a resource as a tree: path, value, the standard's names, what the privacy step makes of it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.hl7.document import Document
from engine.hl7.names import component, field
from engine.hl7.tree import Leaf, leaves
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy
from engine.workbench.masking import SHOWN, Line, mask, treatment_shown
from engine.workbench.resource_tree import is_resource, resource_lines

__all__ = ["lines_of", "tree_of"]


def tree_of(
    raw: bytes, charset: str, *, show_phi: bool = False, policy: Policy | FhirPolicy | None = None
) -> tuple[list[Line], list[str]]:
    """The lines of a message of either kind, masked by a channel's `policy` (or the table as it stands), and
    what was odd about it. Raises `Unacceptable`."""
    if is_resource(raw):
        known = policy if isinstance(policy, FhirPolicy) else FhirPolicy()
        return list(resource_lines(raw, known, show_phi=show_phi)), []
    document = Document.parse(raw, default_charset=charset)
    known_policy = policy if isinstance(policy, Policy) else Policy()
    return list(lines_of(document, known_policy, show_phi=show_phi)), sorted(document.quirks)


def lines_of(document: Document, policy: Policy, *, show_phi: bool = False) -> Iterator[Line]:
    """The populated leaves of a message as lines; masked is also what identifies somebody in a place that
    passes, as the guard would stop it. Raises `Unacceptable` above the limits of reading."""
    version = document.header.version
    identities = Identities(() if show_phi else Harvester(policy).of(document))
    for leaf in leaves(document):
        rule = policy.treatment(leaf.segment, leaf.field, leaf.component, leaf.subcomponent)
        titles, datatype = _named(version, leaf)
        passes = rule.treatment in SHOWN and not identities.row_in(leaf.text)
        value = leaf.text if passes or show_phi else mask(rule.treatment, rule.domain, leaf.text)
        what = treatment_shown(rule)
        masked = not passes and not show_phi
        yield Line(leaf.path, leaf.segment, titles, datatype, value, what, masked=masked, row=rule.row)


def _named(version: str, leaf: Leaf) -> tuple[str, str]:
    """The names from the field down to the leaf, and the leaf's datatype."""
    named = field(version, leaf.segment, leaf.field)
    titles = [named.title]
    for number in (leaf.component, leaf.subcomponent):
        if not named.parts and number == 1:
            break
        named = component(named, number)
        if leaf.whole:
            continue
        titles.append(named.title or f"part {number}")
    return " · ".join(title for title in titles if title), named.datatype
