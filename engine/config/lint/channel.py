"""Checks of one channel that its shape alone cannot make, and of several channels side by side.

Everything here looks at the model only; what expressions, tables and the privacy policy have to say
comes from `engine.config.build`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.config.finding import Place, Problem
from engine.config.lint.alerts import check_alerts
from engine.config.lint.fhir import check_fhir
from engine.config.lint.hl7 import check_hl7
from engine.config.lint.keys import check_keys
from engine.config.lint.names import check_names
from engine.config.lint.people import check_people
from engine.config.lint.privacy import check_privacy
from engine.config.lint.schedule import check_schedule
from engine.config.lint.values import check_values
from engine.config.reading import Node
from engine.config.spec import EFFECTS, ChannelSpec, ConsumeRule, CreditRule, ProcureRule, ReserveRule

__all__ = ["check_channel", "check_secrets"]

DESTINATIONS = ("odoo", "ledger", "mllp", "folder")
FORWARDS = frozenset({"mllp", "folder"})
"""Kinds of destinations that take what `forward:` makes and nothing else."""

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")


def check_channel(spec: ChannelSpec) -> list[Problem]:
    """What one channel's model says that cannot be meant."""
    checks = (
        _zone,
        check_hl7,
        check_fhir,
        check_privacy,
        check_values,
        _effects,
        _steps,
        check_keys,
        check_people,
        check_names,
        _destinations,
        check_schedule,
        check_alerts,
    )
    return [problem for check in checks for problem in check(spec)]


def _zone(spec: ChannelSpec) -> Iterator[Problem]:
    try:
        ZoneInfo(spec.source.door.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        place = (*spec.source.place, "timezone")
        yield Problem(place, "no such time zone", "write it like Europe/Berlin")


def _effects(spec: ChannelSpec) -> Iterator[Problem]:
    for number, rule in enumerate(spec.effects):
        place: Place = ("effects", number)
        given = [word for word in (*EFFECTS, "refuse") if getattr(rule, word) is not None]
        if not given:
            yield Problem(place, "the rule makes no effect", f"add one of: {', '.join(EFFECTS)}")
        for word in given[1:]:
            text = f"a rule makes one effect, and this one has {given[0]} already"
            yield Problem((*place, word), text, "move it into a rule of its own", on_key=True)
        if rule.for_each is not None:
            yield from _repeating(spec, rule.for_each, (*place, "for_each"))
        for word in given:
            yield from _items(getattr(rule, word), (*place, word))
            yield from _reversals(getattr(rule, word), (*place, word))
    names = [rule.name for rule in spec.effects]
    for number, name in enumerate(names):
        if name and name in names[:number]:
            yield Problem(("effects", number, "name"), "another rule has this name", "every rule has its own")


def _steps(spec: ChannelSpec) -> Iterator[Problem]:
    """Filters and warnings of single groups."""
    anchors = {rule.for_each for rule in spec.effects}
    steps = [("filters", n, one.for_each) for n, one in enumerate(spec.filters)]
    for list_, number, segment in (
        *steps,
        *(("warnings", n, w.for_each) for n, w in enumerate(spec.warnings)),
    ):
        place: Place = (list_, number, "for_each")
        if segment is None:
            continue
        yield from _repeating(spec, segment, place)
        if list_ == "filters" and segment not in anchors:
            yield Problem(place, f"no rule is for each {segment}, so this ends nothing", "", "warning")


def _repeating(spec: ChannelSpec, text: str, place: Place) -> Iterator[Problem]:
    """What `for_each` names; an element of a resource is looked at in `check_fhir`."""
    if spec.source.fhir is None and not _SEGMENT.fullmatch(text):
        yield Problem(place, "not a segment id", "write it like FT1")


def _items(effect: object, place: Place) -> Iterator[Problem]:
    """Either `items`, or `item` with `quantity`."""
    if not isinstance(effect, ReserveRule | ConsumeRule | ProcureRule):
        return
    if isinstance(effect, ConsumeRule) and effect.whole:
        return
    single = [word for word in ("item", "quantity", "unit", "lot") if getattr(effect, word, None)]
    if effect.items and single:
        text = f"{single[0]} does not go with items"
        yield Problem((*place, single[0]), text, "items: says quantity and unit too", on_key=True)
    elif not effect.items and not (effect.item and effect.quantity):
        yield Problem(place, "it does not say what", "add items:, or item: and quantity:")


def _reversals(effect: object, place: Place) -> Iterator[Problem]:
    """What is taken back: so much of it, or all; and what came back is against no reservation."""
    if not isinstance(effect, CreditRule | ConsumeRule):
        return
    what = ("items", "item", "quantity", "unit", "price", "lot")
    given = [word for word in what if getattr(effect, word, None) is not None]
    lacking = [word for word in ("encounter", "item", "quantity") if getattr(effect, word) is None]
    if effect.whole and given:
        text = f"{given[0]} does not go with whole"
        yield Problem((*place, given[0]), text, "all that stands is taken back", on_key=True)
    elif isinstance(effect, CreditRule) and not effect.whole and lacking:
        yield Problem(place, f"{lacking[0]} is missing", f"add {lacking[0]}:, or whole: yes")
    if isinstance(effect, ConsumeRule) and effect.whole and not effect.reverses:
        yield Problem(
            (*place, "whole"), "whole says of nothing that it comes back", "add reverses:", on_key=True
        )
    if isinstance(effect, ConsumeRule) and effect.reverses and effect.against:
        text = "against does not go with reverses"
        yield Problem((*place, "against"), text, "what came back goes to location:", on_key=True)


def _destinations(spec: ChannelSpec) -> Iterator[Problem]:
    for number, destination in enumerate(spec.destinations):
        place: Place = ("destinations", number)
        given = [word for word in DESTINATIONS if getattr(destination, word) is not None]
        if not given:
            yield Problem(
                place,
                "the destination has no kind",
                f"one of {', '.join(DESTINATIONS)}: odoo: {{connection: name}}",
            )
        for word in given[1:]:
            text = f"a destination has one kind, and this one is {given[0]} already"
            yield Problem((*place, word), text, "start another entry with -", on_key=True)
        if destination in spec.destinations[:number]:
            yield Problem(place, "the same destination is listed twice", "remove one")
    yield from _carried(spec)
    yield from _idle(spec)


def _carried(spec: ChannelSpec) -> Iterator[Problem]:
    """Effects that no destination of the channel carries out."""
    kinds = {word for one in spec.destinations for word in DESTINATIONS if getattr(one, word) is not None}
    for number, rule in enumerate(spec.effects):
        place: Place = ("effects", number)
        if rule.forward is not None and rule.for_each:
            text = "a message is passed on as a whole"
            yield Problem((*place, "for_each"), text, "leave for_each out", on_key=True)
        if rule.forward is not None and kinds and kinds <= {"odoo"}:
            text = "nothing takes what is passed on"
            yield Problem((*place, "forward"), text, "add mllp: or folder: to the destinations", on_key=True)
        if rule.forward is None and rule.refuse is None and kinds and kinds <= FORWARDS:
            text = "no destination of this channel carries this effect out"
            yield Problem(place, text, "add odoo: or ledger: to the destinations")


def _idle(spec: ChannelSpec) -> Iterator[Problem]:
    """Destinations for which no rule makes anything."""
    if any(rule.forward is not None for rule in spec.effects):
        return
    for number, one in enumerate(spec.destinations):
        for word in sorted(FORWARDS):
            if getattr(one, word) is not None:
                place: Place = ("destinations", number, word)
                yield Problem(place, "no rule passes messages on", "add a rule with forward:", on_key=True)


_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]+@"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ"
    r"|(?i:password|passwd|secret|api_?key|token)\s*[=:]\s*\S+"
)
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{32,}")


def check_secrets(data: Node, place: Place = ()) -> Iterator[Problem]:
    """Texts that look like a password or a key: those live in the environment."""
    if isinstance(data, str):
        if _SECRET.search(data) or _looks_random(data):
            yield Problem(place, "this looks like a secret", "keep it in the environment: env:NAME")
        return
    parts = data.items() if isinstance(data, dict) else enumerate(data)
    for key, part in parts:
        yield from check_secrets(part, (*place, key))


def _looks_random(text: str) -> bool:
    if text.startswith("/"):  # a path, however long
        return any(map(_looks_random, text.removeprefix("/").split("/")))
    word = _LONG_WORD.fullmatch(text)
    if not word:
        return False
    kinds = (str.islower, str.isupper, str.isdigit)
    hexadecimal = re.fullmatch(r"[0-9a-f]{32,}", text) is not None and any(c.isdigit() for c in text)
    return hexadecimal or all(any(kind(character) for character in text) for kind in kinds)
