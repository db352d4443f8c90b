"""`map(code: word, …)`: a short table, written in place.

    kind: PV1-2 | map(I: inpatient, E: emergency, O: outpatient, else: other)

Codes compare exactly, case included. A code that is not listed is taken by `else`; without one it
makes the message a dead letter (`unmapped-code`).
"""

from __future__ import annotations

from engine.errors import Unacceptable
from engine.transforms.expression import Call, Flaw
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, step

__all__ = ["MAP"]

_EXAMPLE = "write it like map(I: inpatient, else: other)"


def _build(call: Call, _setting: Setting, before: Before) -> Value:
    words: dict[str, str | None] = {}
    for argument in call.arguments:
        if argument.name is None:
            raise Flaw("map takes pairs of a code and a word", argument.offset, _EXAMPLE)
        if argument.name in words:
            raise Flaw("this code is listed twice", argument.offset, "keep one")
        words[argument.name] = argument.text or None
    if not words.keys() - {"else"}:
        raise Flaw("map needs at least one code", call.offset, _EXAMPLE)
    if "else" in words:
        fallback = words.pop("else")
        return step(before, lambda code: words.get(code, fallback))

    def word(code: str) -> str | None:
        try:
            return words[code]
        except KeyError:
            raise Unacceptable("unmapped-code", "", "this code is not listed", hl7=103) from None

    return step(before, word)


MAP = Verb("map", str, str, _build)
