"""What a name of `values:` stands for: an expression, or what a function of the channels makes of some."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, StringConstraints, Tag

from engine.config.spec.words import Expression, Strict

__all__ = ["CallSpec", "FunctionName", "Value"]

FunctionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]


class CallSpec(Strict):
    """A value is an expression, or what a function makes of some (docs/manual/functions.md)."""

    call: FunctionName = Field(
        description="A function and its file: `packs_of` in `functions/packs_of.py`, tested beside it."
    )
    given: list[Expression] = Field(
        alias="with",
        min_length=1,
        max_length=8,
        description="What it is given, in the order of its parameters: expressions, each of the type that "
        "the parameter has. Tokens do not go in.",
    )


def _is_call(value: Any) -> str:
    return "a call" if isinstance(value, dict | CallSpec) else "an expression"


Value = Annotated[
    Annotated[Expression, Tag("an expression")] | Annotated[CallSpec, Tag("a call")], Discriminator(_is_call)
]
