"""`anywhere(path, text)`: the text, where any segment of the whole message holds it.

    when: {"anywhere(ORC-1, RO)": absent}
    does: ORC-1 + anywhere(ORC-1, RO) or ORC-1 | find(control, does)

Everything else in a rule sees the group that the rule is about; this asks the message around it. It
starts an expression, and asks once per message.
"""

from __future__ import annotations

from typing import Any

from engine.hl7.path import Path
from engine.transforms.expression import Call, Flaw, PathText
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional

__all__ = ["ANYWHERE"]

_EXAMPLE = "write it like anywhere(ORC-1, RO)"


def _build(call: Call, setting: Setting, _before: Before) -> Value:
    where, wanted = positional(call, 2, 2, _EXAMPLE)
    path = setting.field(PathText(where.text, where.offset), "test").path
    if not isinstance(path, Path):
        raise Flaw("anywhere looks into the segments of HL7 v2", call.offset, "use for_each")
    if path.occurrence > 1 or "[" in where.text or not wanted.text:
        raise Flaw("every segment is asked for one text", where.offset, _EXAMPLE)
    return setting.once(call, frozenset(), lambda: _anywhere(path, wanted.text))


def _anywhere(path: Path, wanted: str) -> Value:
    at = (path.field, path.component, path.subcomponent, path.repetition)

    def value(scope: Scope) -> str | None:
        message: Any = scope.view  # not a group's: what reads no group is asked of the message (`remembered`)
        for fields in message.all(path.segment):
            found = message.leaf(fields, *at)
            if isinstance(found, str) and found.strip() == wanted:
                return wanted
        return None

    return value


ANYWHERE = Verb("anywhere", None, str, _build)
