"""Checks of one channel that its shape alone cannot make, and of several channels side by side.

Everything here looks at the model only; what expressions, tables and the privacy policy have to say
comes from `engine.config.build`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.config.course import check_course
from engine.config.finding import Place, Problem
from engine.config.lint_answers import check_answers
from engine.config.lint_folder import check_folder
from engine.config.reading import Node
from engine.config.spec import EFFECTS, ChannelSpec, ConsumeRule, MllpSource, ProcureRule, ReserveRule
from engine.courses.machine import MACHINES
from engine.errors import Misconfigured
from engine.hl7.charset import carries_hl7
from engine.transforms.expression import Expression, Joined, PathText, parse_key
from engine.transforms.wording import listed, meant

__all__ = ["EVENT_TESTS", "check_channel", "check_secrets", "listens_on"]

DESTINATIONS = ("odoo", "ledger", "mllp", "folder")
FORWARDS = frozenset({"mllp", "folder"})
"""Kinds of destinations that take what `forward:` makes and nothing else."""

MLLP: Place = ("source", "mllp")

EVENT_TESTS = ("MSH-9.2", "EVN-1")
"""Paths that hold the trigger event."""

_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_PORT = re.compile(r"tcp:(?:(?P<address>.+):)?(?P<port>[0-9]{1,5})")
_ENV = re.compile(r"env:[A-Z][A-Z0-9_]*")


def check_channel(spec: ChannelSpec) -> list[Problem]:
    """What one channel's model says that cannot be meant."""
    checks = (
        _source, _answers, check_answers, check_folder, _network, _effects, _steps, _reach, _repeats,
        _destinations, check_course,
    )  # fmt: skip
    return [problem for check in checks for problem in check(spec)]


def listens_on(listen: str) -> tuple[str, int] | None:
    """Address (empty: the node's own) and port (0: any free one) of a `listen:`; None for `env:NAME`.

    Raises `ValueError` when it is neither."""
    if _ENV.fullmatch(listen):
        return None
    found = _PORT.fullmatch(listen)
    if not found or int(found["port"]) > 65535:
        raise ValueError
    address = (found["address"] or "").strip("[]")
    return (str(ip_address(address)) if address else ""), int(found["port"])


def _source(spec: ChannelSpec) -> Iterator[Problem]:
    source, at = spec.source.door, spec.source.place
    for number, wanted in enumerate(source.message_types):
        place = (*at, "message_types", number)
        if not _TYPE.fullmatch(wanted):
            yield Problem(place, "not a message type", "write it like ADT^A01, or ADT for all its events")
        elif wanted in source.message_types[:number]:
            yield Problem(place, "this message type is listed twice", severity="warning")
    try:
        ZoneInfo(source.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem((*at, "timezone"), "no such time zone", "write it like Europe/Berlin")
    if source.charset and not carries_hl7(source.charset):
        hint = meant(source.charset, ("cp1252", "iso8859-1", "iso8859-15", "utf-8", "cp1250", "shift_jis"))
        yield Problem((*at, "charset"), "no character set that a message can be in", hint)


def _answers(spec: ChannelSpec) -> Iterator[Problem]:
    source, at = spec.source.door, spec.source.place
    if source.ack_mode == "never":
        place = (*at, "ack_mode")
        if source.acknowledge == "storage":
            text, hint = "without an answer the sender cannot know of a loss", "auto answers as MSH asks for"
            yield Problem(place, text, hint, "warning")
        else:
            text = f"nobody is told the outcome that acknowledge: {source.acknowledge} waits for"
            yield Problem(place, text, "answer, or acknowledge: storage")
    if source.acknowledge == "delivery" and spec.criticality == "bulk":
        text = "bulk deliveries wait behind all others, and here the sender waits for them"
        yield Problem((*at, "acknowledge"), text, "acknowledge: storage", "warning")


def _network(spec: ChannelSpec) -> Iterator[Problem]:
    source = spec.source.mllp
    if source is None:
        return
    try:
        bound = listens_on(source.listen)
    except ValueError:
        hint = "tcp:PORT, tcp:ADDRESS:PORT (up to 65535) or env:NAME"
        yield Problem((*MLLP, "listen"), "not a place to listen", hint)
        return
    for number, network in enumerate(source.allow):
        try:
            ip_network(network)
        except ValueError:
            yield Problem((*MLLP, "allow", number), "not a network", "write it like 10.20.0.0/16")
    if bound and bound[0] and not ip_address(bound[0]).is_loopback and source.tls is None:
        yield from _plain_beyond_loopback(source)
    if source.tls and source.tls.client_names and not source.tls.client_ca:
        text = "client_names are only looked at when client_ca is set"
        yield Problem((*MLLP, "tls", "client_names"), text, "add client_ca")


def _plain_beyond_loopback(source: MllpSource) -> Iterator[Problem]:
    if not source.insecure_ok:
        text = "listening beyond this machine without TLS"
        yield Problem((*MLLP, "listen"), text, "add tls:, or insecure_ok: yes together with allow:")
    elif not source.allow:
        text = "plain MLLP beyond this machine needs a list of who may connect"
        yield Problem((*MLLP, "insecure_ok"), text, "add allow: [10.20.0.0/16]")


def _effects(spec: ChannelSpec) -> Iterator[Problem]:
    for number, rule in enumerate(spec.effects):
        place: Place = ("effects", number)
        given = [word for word in (*EFFECTS, "refuse") if getattr(rule, word) is not None]
        if not given:
            yield Problem(place, "the rule makes no effect", f"add one of: {', '.join(EFFECTS)}")
        for word in given[1:]:
            text = f"a rule makes one effect, and this one has {given[0]} already"
            yield Problem((*place, word), text, "move it into a rule of its own", on_key=True)
        if rule.for_each is not None and not _SEGMENT.fullmatch(rule.for_each):
            yield Problem((*place, "for_each"), "not a segment id", "write it like FT1")
        for word in given:
            yield from _items(getattr(rule, word), (*place, word))
    names = [rule.name for rule in spec.effects]
    for number, name in enumerate(names):
        if name and name in names[:number]:
            yield Problem(("effects", number, "name"), "another rule has this name")


def _steps(spec: ChannelSpec) -> Iterator[Problem]:
    """Filters and warnings of single groups."""
    anchors = {rule.for_each for rule in spec.effects}
    steps = [("filters", n, one.for_each) for n, one in enumerate(spec.filters)]
    for list_, number, segment in (
        *steps,
        *(("warnings", n, w.for_each) for n, w in enumerate(spec.warnings)),
    ):
        place: Place = (list_, number, "for_each")
        if segment is not None and not _SEGMENT.fullmatch(segment):
            yield Problem(place, "not a segment id", "write it like FT1")
        elif segment is not None and list_ == "filters" and segment not in anchors:
            yield Problem(place, f"no rule is for each {segment}, so this ends nothing", "", "warning")


def _items(effect: object, place: Place) -> Iterator[Problem]:
    """Either `items`, or `item` with `quantity`."""
    if not isinstance(effect, ReserveRule | ConsumeRule | ProcureRule):
        return
    single = [word for word in ("item", "quantity", "unit", "lot") if getattr(effect, word, None)]
    if effect.items and single:
        text = f"{single[0]} does not go with items"
        yield Problem((*place, single[0]), text, "items: says quantity and unit too", on_key=True)
    elif not effect.items and not (effect.item and effect.quantity):
        yield Problem(place, "it does not say what", "add items:, or item: and quantity:")


def _reach(spec: ChannelSpec) -> Iterator[Problem]:
    """Rules that no accepted message can meet, and messages that no rule can."""
    accepted = spec.source.door.message_types
    events = {wanted.partition("^")[2] for wanted in accepted}
    if "" in events:
        return
    met = {event for event in events if spec.course and MACHINES[spec.course.of].knows(event)}
    filters = [(("filters", number), rule.when) for number, rule in enumerate(spec.filters)]
    effects = [(("effects", number), rule.when) for number, rule in enumerate(spec.effects)]
    for place, when in (*filters, *effects):
        path = next((path for path in EVENT_TESTS if path in when), None)
        wanted = _listed(when[path]) if path else events
        met |= wanted
        if path and not wanted & events:
            text = "no message that the channel accepts has this event"
            yield Problem((*place, "when", path), text, f"message_types has {listed(sorted(events))}")
    for number, wanted_type in enumerate(accepted):
        if wanted_type.partition("^")[2] not in met:
            text, hint = "it is accepted, but no rule is about it", "add a rule or remove it"
            yield Problem((*spec.source.place, "message_types", number), text, hint, "warning")


def _listed(wanted: str | list[str]) -> set[str]:
    return {wanted} if isinstance(wanted, str) else set(wanted)


def _repeats(spec: ChannelSpec) -> Iterator[Problem]:
    """Keys that are the same for every repetition of a rule's segment."""
    for number, rule in enumerate(spec.effects):
        for word in EFFECTS:
            key = getattr(getattr(rule, word), "key", None)
            if rule.for_each and key and not _tells_apart(key, rule.for_each):
                text = f"the key is the same for every {rule.for_each}, so they would replace each other"
                hint = f"add a part that differs, such as {{{rule.for_each}-1}}"
                yield Problem(("effects", number, word, "key"), text, hint, "warning")


def _tells_apart(key: str, segment: str) -> bool:
    try:
        parts = parse_key(key).parts
    except Misconfigured:
        return True  # build says what is wrong with it
    sources = [source for part in parts if isinstance(part, Expression) for source in part.sources]
    paths = [part for one in sources for part in (one.parts if isinstance(one, Joined) else (one,))]
    return any(isinstance(path, PathText) and path.text.startswith(segment) for path in paths)


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
            yield Problem(place, "the same destination is listed twice")
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
    word = _LONG_WORD.fullmatch(text)
    if not word:
        return False
    kinds = (str.islower, str.isupper, str.isdigit)
    hexadecimal = re.fullmatch(r"[0-9a-f]{32,}", text) is not None and any(c.isdigit() for c in text)
    return hexadecimal or all(any(kind(character) for character in text) for kind in kinds)
