"""Checks of what a channel says about privacy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.config.changes import policy_of
from engine.config.finding import Place, Problem
from engine.config.lint.names import known_segments
from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured
from engine.fhir.path import Path
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.flags import META_SECURITY, V2_FLAGS
from engine.privacy.policy import Policy
from engine.privacy.rules import Forbidden
from engine.privacy.table import v2_table

__all__ = ["check_privacy", "unread_widening"]


def check_privacy(spec: ChannelSpec) -> Iterator[Problem]:
    """What of `privacy:`, `for_each` and `forward:` cannot be meant, or reaches what no field passes of."""
    yield from _flags(spec)
    yield from _contradicted(spec)
    yield from _segments(spec) if spec.source.fhir is None else _elements(spec)


def _flags(spec: ChannelSpec) -> Iterator[Problem]:
    """Flags of messages that do not come here."""
    known = (META_SECURITY,) if spec.source.fhir is not None else tuple(V2_FLAGS)
    for flag in spec.privacy.flags:
        if flag not in known:
            text = f"no message of this channel has the flag {flag}"
            yield Problem(("privacy", "flags", flag), text, f"one of: {', '.join(known)}", on_key=True)


def _contradicted(spec: ChannelSpec) -> Iterator[Problem]:
    """Places that are widened and kept back at once."""
    for number, one in enumerate(spec.widen):
        if one.path in [before.path for before in spec.widen[:number]]:
            yield Problem(("widen", number, "path"), f"{one.path} is widened already", "say it once")
        above = [path for path in spec.privacy.narrow if one.path == path or one.path.startswith(f"{path}.")]
        if above:
            text = f"privacy: narrow: keeps {above[0]} back"
            yield Problem(("widen", number, "path"), text, "say one of the two")


def unread_widening(spec: ChannelSpec, paths: Iterable[str]) -> Iterator[Problem]:
    """Places that are let through although nothing reads them; `paths` are those that the channel reads."""
    read = [re.sub(r"\[[^\]]*\]", "", path) for path in paths]
    passed_on = {segment for rule in spec.effects if rule.forward for segment in rule.forward.segments}
    for number, one in enumerate(spec.widen):
        used = any(f"{path}.".startswith(f"{one.path}.") or one.path.startswith(f"{path}.") for path in read)
        if not used and one.path.partition("-")[0] not in passed_on:
            text = f"nothing reads {one.path}, and it is let through"
            yield Problem(
                ("widen", number, "path"), text, "remove it: what nobody needs stays back", "warning"
            )


def _segments(spec: ChannelSpec) -> Iterator[Problem]:
    """Segments of which no field may be read: nothing can be made of them, nor passed on."""
    policy = policy_of(spec)[0]
    if not isinstance(policy, Policy):
        return
    for number, rule in enumerate(spec.effects):
        named: list[tuple[Place, str]] = []
        if rule.for_each is not None:
            named.append((("effects", number, "for_each"), rule.for_each))
        for at, segment in enumerate(rule.forward.segments if rule.forward is not None else ()):
            named.append((("effects", number, "forward", "segments", at), segment))
        for place, segment in named:
            if segment in known_segments() or segment.startswith("Z"):  # what is neither is said elsewhere
                yield from _closed(segment, place, policy)


def _elements(spec: ChannelSpec) -> Iterator[Problem]:
    """Elements of which nothing may be read."""
    for number, rule in enumerate(spec.effects):
        try:
            leaf = FhirPolicy().leaf(Path.parse(rule.for_each)) if rule.for_each is not None else None
        except Misconfigured:
            continue  # said elsewhere
        if leaf is not None and leaf.rule.treatment in ("drop", "scan") and leaf.rule.row == rule.for_each:
            error = Forbidden(leaf.rule.row, "value", leaf.rule, "")
            yield Problem(("effects", number, "for_each"), error.said, "nothing of it may be read")


def _closed(segment: str, place: Place, policy: Policy) -> Iterator[Problem]:
    fields = [field for name, field in v2_table().fields if name == segment]
    fields += [field for name, field, _ in policy.changed if name == segment] or [1][: not fields]
    rules = [policy.treatment(segment, field) for field in fields]
    if all(rule.treatment in ("deny", "drop", "scan", "reassemble") for rule in rules):
        error = Forbidden(segment, "value", rules[0], "")
        text = f"{segment}: nothing of it may be read ({error.said.partition(' (')[2]}"
        yield Problem(place, text, "use segments of which the policy lets fields pass: wardline policy show")
