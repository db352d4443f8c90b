"""What a file says, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

__all__ = ["leaves"]


def leaves(node: Any, at: str = "") -> Iterator[tuple[str, bytes]]:
    """Every leaf with its place: `effects[1].charge.item`."""
    if isinstance(node, Mapping):
        for name, part in node.items():
            yield from leaves(part, f"{at}.{name}" if at else str(name))
    elif isinstance(node, list | tuple):
        for number, part in enumerate(node, 1):
            yield from leaves(part, f"{at}[{number}]")
    elif node is not None:
        yield at, msgspec.json.encode(node)
