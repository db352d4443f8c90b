"""Conditions: `when: {MSH-9.2: [A01, A04], PV1-19: present}`; all must hold.

The value is compared as it stands, case included. `present` and `absent` ask whether there is one;
in a list they are ordinary values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.errors import Unacceptable
from engine.transforms.compiling import Compiled, compile_expression, compile_text
from engine.transforms.expression import Flaw, parse
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting

__all__ = ["Condition", "compile_condition", "compile_presence"]


class Condition(msgspec.Struct, frozen=True):
    """Holds where `compiled` gives one of `values`. The fastest way to ask is to do what `holds` does
    in place (`engine.mapping`): conditions are asked more often than anything else."""

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
    begun, ended = text.count("("), text.count(")")
    if (begun > ended and "" in values) or (ended and not begun):
        hint = "between { and } a comma ends what stands before it: put the whole test in quotes"
        raise Flaw("half a test: its brackets do not match", 0, hint)
    if "" in values or not values:
        raise Flaw("an empty value is never equal", 0, "write absent to ask for an empty field")
    compiled = compile_text(text, setting, "test")
    return Condition(compiled.value, values, compiled)


def _is_populated(value: Value) -> Value:
    return lambda scope: value(scope) is not None


def compile_presence(text: str, setting: Setting) -> Compiled:
    """The expression `text`, of which only matters whether it gives anything: then it may read whatever the
    policy lets be read for any use. Sent through verbs it is a condition like any other, for what a verb
    gives depends on what is there. Raises `Flaw`."""
    expression = setting.values.written_out(parse(text))
    return compile_expression(expression, setting, "test" if expression.verbs else "whether")
