"""Checks of a channel's named values: names that mean something else already, and those that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.finding import Problem
from engine.config.spec import ChannelSpec
from engine.transforms.values import PATH_LIKE, Values
from engine.transforms.verbs import VERBS

__all__ = ["check_values", "unused_values"]


def check_values(spec: ChannelSpec) -> Iterator[Problem]:
    """Names that would be read as something else."""
    for name in spec.values:
        taken = ""
        if name == "or" or name in VERBS:
            taken = f"{name} is a word of expressions"
        elif PATH_LIKE.fullmatch(name):
            taken = f"{name} looks like a field path"
        if taken:
            yield Problem(("values", name), taken, "choose another name", on_key=True)


def unused_values(values: Values, spec: ChannelSpec) -> Iterator[Problem]:
    """Those that no expression used, once all are compiled."""
    for name in spec.values:
        if name not in values.used:
            text = f"no expression uses the value {name}"
            yield Problem(("values", name), text, "remove it", "warning", on_key=True)
