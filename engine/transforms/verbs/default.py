"""`default(text)`: the text, where the field is empty.

    quantity: FT1-10 | default(1)

A quantity that a sender leaves out means one only where the channel says so like this.
"""

from __future__ import annotations

from typing import Any

from engine.transforms.expression import Call
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional

__all__ = ["DEFAULT"]


def _build(call: Call, _setting: Setting, before: Before) -> Value:
    fallback = positional(call, 1, 1, "write it like default(1)")[0].text or None
    inner = before.value

    def value(scope: Scope) -> Any:
        found = inner(scope)
        return fallback if found is None else found

    return value


DEFAULT = Verb("default", str, str, _build)
