"""One mutant: where the file is changed, how it is said, and what the file holds then."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.config.finding import Place
from engine.config.reading import Node

__all__ = ["DROPPED", "Mutant", "changed", "renamed"]

DROPPED: Final = object()
"""In place of a value: the key or entry is left out."""


class Mutant(msgspec.Struct, frozen=True):
    """The channel file as `data`, which differs at `place` (`offset` characters into the text there, or at
    the key) in what `said` says."""

    place: Place
    said: str
    offset: int
    data: Node
    on_key: bool = False


def changed(node: Any, place: Place, value: Any) -> Any:
    """A copy of `node` with `value` at `place`; what is not on the way is shared."""
    if not place:
        return value
    step, *deeper = place
    made: Any = dict(node) if isinstance(node, dict) else list(node)
    if not deeper and value is DROPPED:
        del made[step]
    else:
        made[step] = changed(node[step], tuple(deeper), value)
    return made


def renamed(node: Any, place: Place, key: str, name: str) -> Any:
    """A copy of `node` in which the `key` of the mapping at `place` has another name, at its old place."""
    mapping = node
    for step in place:
        mapping = mapping[step]
    there = {name if one == key else one: part for one, part in mapping.items()}
    return changed(node, place, there)
