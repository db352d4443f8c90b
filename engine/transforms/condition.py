"""Conditions: `when: {MSH-9.2: [A01, A04], PV1-19: present}`; all must hold.

The value is compared as it stands, case included. `present` and `absent` ask whether there is one;
in a list they are ordinary values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.errors import Unacceptable
from engine.privacy.rules import Use
from engine.transforms.compiling import Compiled, compile_text
from engine.transforms.expression import Flaw
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Read, Setting

__all__ = ["Condition", "compile_condition", "compile_presence"]

_READABLE: tuple[Use, ...] = ("test", "sequence", "date")


class Condition(msgspec.Struct, frozen=True):
    """Holds where `compiled` gives one of `values`. The fastest way to ask is to do what `holds` does
    in place (`engine.pipeline`): conditions are asked more often than anything else."""

    value: Value
    values: frozenset[Any]
    compiled: Compiled

    @property
    def segments(self) -> frozenset[str]:
        """The segments that it reads."""
        return self.compiled.segments

    def holds(self, scope: Scope) -> bool:
        """Whether it does. Raises `Unacceptable` at its place."""
        try:
            return self.value(scope) in self.values
        except Unacceptable as refusal:
            raise self.compiled.refused(refusal, scope) from None


def compile_condition(text: str, wanted: str | Sequence[str], setting: Setting) -> Condition:
    """Whether the expression `text` gives (one of) what is `wanted`. Raises `Flaw`."""
    if wanted in ("present", "absent"):
        compiled = compile_presence(text, setting)
        return Condition(_is_populated(compiled.value), frozenset([wanted == "present"]), compiled)
    values = frozenset([wanted] if isinstance(wanted, str) else wanted)
    if "" in values or not values:
        raise Flaw("an empty value is never equal", 0, "write absent to ask for an empty field")
    compiled = compile_text(text, setting, "test")
    return Condition(compiled.value, values, compiled)


def _is_populated(value: Value) -> Value:
    return lambda scope: value(scope) is not None


def compile_presence(text: str, setting: Setting) -> Compiled:
    """The expression `text`, of which only matters whether it gives anything: it may read whatever
    the policy lets be read for any use. Raises `Flaw`."""
    flaws, first = [], len(setting.reads)
    for use in _READABLE:
        try:
            compiled = compile_text(text, setting, use)
            _ask_only_whether(use, setting.reads[first:])
            return compiled
        except Flaw as flaw:
            flaws.append(flaw)
            del setting.reads[first:]
    raise flaws[0]


def _ask_only_whether(use: Use, reads: Sequence[Read]) -> None:
    """A date may be there or not; sent through verbs it would be a condition on which day it is."""
    told = next((read for read in reads if read.rule.treatment == "opdate" and read.through), None)
    if use == "date" and told is not None:
        rule = told.rule
        text = f"{told.path}: is an operational date ({rule.name}, class {rule.letter})"
        raise Flaw(text, told.offset, "in a condition it is present or absent, without verbs")
