"""`literal(text)`: the text itself.

    source: literal(WH/Stock)
    location: FT1-16.1 or literal(ICU) | lookup(places, odoo_location)

It starts an expression, or is its last alternative.
"""

from __future__ import annotations

from engine.transforms.expression import Call
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, constant, positional

__all__ = ["LITERAL"]


def _build(call: Call, _setting: Setting, _before: Before) -> Value:
    text = positional(call, 1, 1, "write it like literal(WH/Stock)")[0].text or None
    return constant(text)


LITERAL = Verb("literal", None, str, _build)
