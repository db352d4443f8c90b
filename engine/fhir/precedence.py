"""In which order resources that are written together are told to the rest: first what others refer to.

The entries of a transaction have no order of their own, but a delivery means nothing before the request that
it is based on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["referred_first"]


def referred_first(resources: Mapping[str, Any]) -> list[str]:
    """The names (`SupplyRequest/12`) of the resources, each after those of them that it refers to; else, and
    where they refer to each other in a circle, in the order given."""
    order: dict[str, None] = {}
    for name in resources:
        _settle(name, resources, order)
    return list(order)


def _settle(first: str, resources: Mapping[str, Any], order: dict[str, None]) -> None:
    """Put a resource behind what it refers to, without recursion: chains may be as long as a Bundle."""
    entered: set[str] = set()
    waiting: list[tuple[str, bool]] = [(first, False)]
    while waiting:
        name, complete = waiting.pop()
        if complete:
            order.setdefault(name)
        elif name not in order and name not in entered:
            entered.add(name)
            waiting.append((name, True))
            named = dict.fromkeys(_references(resources[name]))
            waiting += [(one, False) for one in reversed(named) if one in resources and one not in entered]


def _references(resource: Any) -> Iterator[str]:
    """Every literal reference in a resource, in document order; a version that it names does not count."""
    nodes: list[Any] = [resource]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            reference = node.get("reference")
            if isinstance(reference, str):
                yield reference.partition("/_history/")[0]
            nodes += reversed(list(node.values()))
        elif isinstance(node, Sequence) and not isinstance(node, str):
            nodes += reversed(node)
