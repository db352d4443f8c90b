"""Expressions and keys back into the text that a channel file writes: the opposite of
`engine.transforms.expression`."""

from __future__ import annotations

import re

from engine.transforms.expression import Argument, Call, Expression, PathText, Source, Template, parts_of

__all__ = ["written", "written_key"]

_BARE = re.compile(r"[^,:()|{}'\s](?:[^,:()|{}']*[^,:()|{}'\s])?")


def written(expression: Expression) -> str:
    """`FT1-10 or FT1-12 | number`."""
    return " | ".join((" or ".join(map(_source, expression.sources)), *map(_call, expression.verbs)))


def written_key(template: Template) -> str:
    """`{FT1-2}/credit`."""
    return "".join(
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{written(part)}}}"
        for part in template.parts
    )


def _source(source: Source) -> str:
    return " + ".join(
        part.text if isinstance(part, PathText) else _started(part) for part in parts_of(source)
    )


def _started(call: Call) -> str:
    """A call that starts an expression keeps its brackets, or it would be a name."""
    return _call(call) if call.arguments else f"{call.name}()"


def _call(call: Call) -> str:
    return f"{call.name}({', '.join(map(_argument, call.arguments))})" if call.arguments else call.name


def _argument(argument: Argument) -> str:
    value = _word(argument.text)
    return value if argument.name is None else f"{_word(argument.name)}: {value}"


def _word(text: str) -> str:
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "''") + "'"
