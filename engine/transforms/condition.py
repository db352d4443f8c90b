"""Conditions: `when: {MSH-9.2: [A01, A04], PV1-19: present}`; all must hold.

The value is compared as it stands, case included. `present` and `absent` ask whether there is one;
in a list they are ordinary values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from engine.errors import Unacceptable
from engine.privacy.rules import Use
from engine.transforms.compiling import Compiled, checked, compile_text
from engine.transforms.expression import Flaw
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting

__all__ = ["Condition", "Test", "compile_condition", "compile_presence"]

Test = Callable[[Scope], bool]

_READABLE: tuple[Use, ...] = ("test", "sequence", "date")


class Condition(msgspec.Struct, frozen=True):
    """A test, and the segments that it reads."""

    holds: Test
    segments: frozenset[str]


def compile_condition(text: str, wanted: str | Sequence[str], setting: Setting) -> Condition:
    """Whether the expression `text` gives (one of) what is `wanted`. Raises `Flaw`."""
    if wanted in ("present", "absent"):
        compiled = compile_presence(text, setting)
        value = checked(compiled)
        if wanted == "present":
            return Condition(lambda scope: value(scope) is not None, compiled.segments)
        return Condition(lambda scope: value(scope) is None, compiled.segments)
    values = frozenset([wanted] if isinstance(wanted, str) else wanted)
    if "" in values or not values:
        raise Flaw("an empty value is never equal", 0, "write absent to ask for an empty field")
    compiled = compile_text(text, setting, "test")
    return Condition(_is_one_of(compiled, values), compiled.segments)


def _is_one_of(compiled: Compiled, values: frozenset[str]) -> Test:
    value = compiled.value

    def holds(scope: Scope) -> bool:
        try:
            return value(scope) in values
        except Unacceptable as refusal:
            raise compiled.refused(refusal, scope) from None

    return holds


def compile_presence(text: str, setting: Setting) -> Compiled:
    """The expression `text`, of which only matters whether it gives anything: it may read whatever
    the policy lets be read for any use. Raises `Flaw`."""
    flaws = []
    for use in _READABLE:
        try:
            return compile_text(text, setting, use)
        except Flaw as flaw:
            flaws.append(flaw)
    raise flaws[0]
