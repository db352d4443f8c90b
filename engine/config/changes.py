"""What a channel file changes of the policy: `widen:` and `privacy: narrow:`."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.finding import Place, Problem
from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.policy import Change, Policy
from engine.privacy.rules import Forbidden

__all__ = ["changes_of", "policy_of"]


def changes_of(spec: ChannelSpec) -> Iterator[tuple[Place, Change]]:
    """The changes that a channel asks for, with their places in its file."""
    for number, one in enumerate(spec.widen):
        yield ("widen", number, "path"), Change(one.path, one.to, one.reason, one.reviewer, tuple(one.codes))
    for number, path in enumerate(spec.privacy.narrow):
        yield ("privacy", "narrow", number), Change(path, "drop")


def policy_of(spec: ChannelSpec) -> tuple[Policy | FhirPolicy, list[Problem]]:
    """The policy as a channel has it, without the changes that the table does not offer: those are
    problems."""
    kind = Policy if spec.source.fhir is None else FhirPolicy
    allowed: list[Change] = []
    problems: list[Problem] = []
    for place, change in changes_of(spec):
        try:
            kind([change])
        except Forbidden as error:
            problems.append(Problem(place, error.said, error.advice))
        except Misconfigured as error:
            problems.append(Problem(place, error.text, error.hint))
        else:
            allowed.append(change)
    return kind(allowed), problems
