"""How a channel's function is called: found by its name, and given what the expressions give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import Unacceptable
from engine.transforms.compiled import Compiled
from engine.transforms.expression import Calling, Flaw
from engine.transforms.function import Function
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.wording import meant

__all__ = ["called", "function_of"]


def function_of(calling: Calling, setting: Setting) -> Function:
    """The function that a value calls. Raises `Flaw` when there is none, or when it takes more or less."""
    found = setting.functions.get(calling.name)
    if found is None:
        hint = meant(calling.name, sorted(setting.functions)) or f"functions/{calling.name}.py"
        raise Flaw(f"there is no function {calling.name}", calling.offset, hint)
    if len(found.parameters) != len(calling.given):
        names = ", ".join(parameter.name for parameter in found.parameters)
        text = f"{calling.name} takes {len(found.parameters)} values, and this gives {len(calling.given)}"
        raise Flaw(text, calling.offset, f"it takes {names}")
    return found


def called(function: Function, given: Sequence[Compiled]) -> Value:
    """What the function makes of what it is given; nothing where what it needs is empty."""
    values = [
        (one.value, one, parameter.optional)
        for one, parameter in zip(given, function.parameters, strict=True)
    ]

    def result(scope: Scope) -> Any:
        found = []
        for value, compiled, optional in values:
            try:
                one = value(scope)
            except Unacceptable as refusal:
                raise compiled.refused(refusal, scope) from None
            if one is None and not optional:
                return None
            found.append(one)
        return function(*found)

    return result
