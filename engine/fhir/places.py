"""Where in a resource: kept as a chain while walking, written out only when something is said about it."""

from __future__ import annotations

from typing import Any

__all__ = ["At", "path"]

At = tuple[Any, "str | int"]
"""The place around it (in the end a text), and a name or index in it."""


def path(at: At | str) -> str:
    """`SupplyRequest.identifier[1].system`"""
    steps: list[str] = []
    while isinstance(at, tuple):
        at, step = at
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    return f"{at}{''.join(reversed(steps))}"
