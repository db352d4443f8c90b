"""What would be otherwise of a message: field by field of its effects, its fate, its answer, its warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.editions.replaying import Became
from engine.effects import Effect, Forward, Item, Money, kind_of

__all__ = ["FATE", "Difference", "differences"]

FATE: Final = "message"
"""What a difference is about that is not about an effect."""

_LONG: Final = 80
"""Characters of a value that are shown."""


class Difference(msgspec.Struct, frozen=True):
    """One thing that would be otherwise: `about` a kind of effect (or the message), `what` a field of it, or
    what becomes of the whole; `key` tells the effects of a message apart. Values are those of effects, which
    the policy has let out; tokens are still whole."""

    about: str
    what: str
    before: str = ""
    after: str = ""
    key: str = ""


def differences(old: Became, new: Became) -> Iterator[Difference]:
    """What `new` has other than `old`."""
    if old == new:
        return
    if (old.state, old.why) != (new.state, new.why):
        yield Difference(FATE, "fate", _fate(old), _fate(new))
    if old.answer != new.answer:
        yield Difference(FATE, "answer", old.answer or "none", new.answer or "none")
    for text in dict.fromkeys((*old.warnings, *new.warnings)):
        if (text in old.warnings) != (text in new.warnings):
            yield Difference(FATE, "warning" if text in new.warnings else "no warning", after=text)
    if old.effects != new.effects:
        yield from _of_effects(old.effects, new.effects)


def _fate(one: Became) -> str:
    return f"{one.state}: {one.why}" if one.why else one.state


def _of_effects(old: Sequence[Effect], new: Sequence[Effect]) -> Iterator[Difference]:
    before = {(kind_of(one), one.key): one for one in old}
    after = {(kind_of(one), one.key): one for one in new}
    for place in before.keys() & after.keys():
        yield from _of_fields(before[place], after[place])
    gone = [one for place, one in before.items() if place not in after]
    made = [one for place, one in after.items() if place not in before]
    for effect in gone:
        same = next((one for one in made if _but_key(one) == _but_key(effect)), None)
        if same is None:
            yield Difference(kind_of(effect), "gone", key=effect.key)
        else:
            made.remove(same)
            yield Difference(kind_of(effect), "key", effect.key, same.key, effect.key)
    yield from (Difference(kind_of(effect), "made", key=effect.key) for effect in made)


def _but_key(effect: Effect) -> Effect:
    return replace(effect, key="")


def _of_fields(old: Effect, new: Effect) -> Iterator[Difference]:
    """Field by field, of two effects of the same kind and key."""
    for name in old.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        for what, one, other in _apart(name, before, after, isinstance(old, Forward)):
            yield Difference(kind_of(old), what, one, other, old.key)


def _apart(name: str, before: Any, after: Any, forward: bool) -> Iterator[tuple[str, str, str]]:
    """The parts of a field that differ, each as text."""
    if forward and name == "message":
        yield from ((f"segment {one}", "", "") for one in _segments_apart(before, after))
    elif isinstance(before, Item) and isinstance(after, Item):
        yield from _of_items(before, after)
    elif name == "items" and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _of_items(one, other)
    else:
        yield name, _text(before), _text(after)


def _of_items(before: Item, after: Item) -> Iterator[tuple[str, str, str]]:
    for name in before.__struct_fields__:
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            what = "item" if name == "code" else name
            about = f"{before.code} " if name == "quantity" else ""
            yield what, about + _text(one), about + _text(other)


def _segments_apart(before: str, after: str) -> list[str]:
    """The segments of which a message that is passed on would say something else."""
    old, new = ([line for line in text.split("\r") if line] for text in (before, after))
    names = sorted({line[:3] for line in (*old, *new)})
    return [
        name
        for name in names
        if [line for line in old if line[:3] == name] != [line for line in new if line[:3] == name]
    ]


def _text(value: Any) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}".strip()
    if isinstance(value, Item):
        return " ".join(part for part in (value.code, str(value.quantity), value.unit, value.lot) if part)
    if isinstance(value, tuple):
        return _short(", ".join(map(_text, value)))
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, Decimal) else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
