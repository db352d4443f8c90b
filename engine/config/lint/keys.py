"""Checks of keys: what tells one effect of a message from another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.config.finding import Place, Problem
from engine.config.lint.asked import Asked, apart, asked, written
from engine.config.spec import EFFECTS, ChannelSpec
from engine.errors import Misconfigured
from engine.transforms.expression import Expression, parse_key, paths_in
from engine.transforms.values import Values

__all__ = ["check_keys"]


class Keyed(NamedTuple):
    """A rule's effect with its key: where that stands, the effect's word, the key with its values written out
    (None: it cannot be understood), which groups the rule is about, its name and its conditions."""

    place: Place
    word: str
    key: tuple[str | Expression, ...] | None
    anchor: str
    name: str
    tests: list[Asked]


def check_keys(spec: ChannelSpec) -> Iterator[Problem]:
    """Keys that are the same for every repetition of a rule's segment, or in two rules for one message."""
    keyed = list(_keyed(spec))
    for number, one in enumerate(keyed):
        if one.anchor[:1].isalpha() and one.key and not _tells_apart(one.key, one.anchor):
            text = f"the key is the same for every {one.anchor}, so they would replace each other"
            part = f"{one.anchor}.number" if spec.source.fhir else f"{one.anchor}-1"
            yield Problem(one.place, text, f"add a part that differs, such as {{{part}}}", "warning")
        for other in keyed[:number]:
            if _the_same(one, other) and not apart(one.tests, other.tests):
                text = f"{other.name} makes a {one.word} with this key too"
                hint = "a message that both are about becomes a dead letter: tell them apart in key or when:"
                yield Problem(one.place, text, hint, "warning")


def _keyed(spec: ChannelSpec) -> Iterator[Keyed]:
    values = Values(spec.values)
    for number, rule in enumerate(spec.effects):
        name = f"the rule {rule.name}" if rule.name else f"rule {number + 1}"
        for word in EFFECTS:
            key = getattr(getattr(rule, word), "key", None)
            if key:
                place: Place = ("effects", number, word, "key")
                tests = asked(rule.when, values)
                yield Keyed(place, word, _meant(key, values), rule.for_each or "", name, tests)


def _meant(key: str, values: Values) -> tuple[str | Expression, ...] | None:
    try:
        parts = parse_key(key).parts
        return tuple(values.written_out(part) if isinstance(part, Expression) else part for part in parts)
    except Misconfigured:
        return None  # build says what is wrong with it


def _tells_apart(key: tuple[str | Expression, ...], segment: str) -> bool:
    expressions = [part for part in key if isinstance(part, Expression)]
    return any(path.text.startswith(segment) for one in expressions for path in paths_in(one))


def _the_same(one: Keyed, other: Keyed) -> bool:
    if one.key is None or other.key is None:
        return False
    said = [
        [part if isinstance(part, str) else written(part) for part in each.key or ()] for each in (one, other)
    ]
    return (one.word, one.anchor) == (other.word, other.anchor) and said[0] == said[1]
