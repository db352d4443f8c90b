"""What an expression becomes: a closure with what it reads, and how its refusals find their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.errors import Unacceptable
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Field

__all__ = ["Checked", "Compiled", "checked", "missing"]


class Compiled(msgspec.Struct, frozen=True):
    """An expression as a closure. `fields` are the fields that it reads; `tokens` the domains
    (letters) of the tokens that it gives, with an empty one when it may give something else;
    `alternatives` the values that it is the first populated one of; `needs` what a function must be given to
    give anything."""

    value: Value
    fields: tuple[Field, ...]
    tokens: frozenset[str]
    alternatives: tuple[Value, ...] = ()
    needs: tuple[Compiled, ...] = ()

    @property
    def segments(self) -> frozenset[str]:
        """The segments that it reads."""
        return frozenset[str]().union(*(field.segments for field in self.fields))

    def refused(self, refusal: Unacceptable, scope: Scope) -> Unacceptable:
        """The refusal, at the field that it is about: the first populated one, or the first of all; what is
        missing is what a function lacks."""
        place = refusal.place
        for one in self.needs if not place and refusal.code == "missing-field" else ():
            if one.value(scope) is None:
                return one.refused(refusal, scope)
        if not place and self.fields:
            populated = (field for field in self.fields if _is_populated(field, scope))
            place = scope.view.place(next(populated, self.fields[0]).path)
        return Unacceptable(refusal.code, place, refusal.text, hl7=refusal.hl7, lacks=refusal.lacks)


class Checked(msgspec.Struct, frozen=True):
    """A value with its refusals placed: what a verb or `check` refuses names the field, and so does an
    empty one that is `required` (`missing-field`, 101). Calling it is one way; the makers of effects do the
    same in place, because a message has dozens of fields."""

    value: Value
    compiled: Compiled
    required: bool = False
    check: Callable[[Any], None] | None = None

    def __call__(self, scope: Scope) -> Any:
        try:
            found = self.value(scope)
            if found is not None:
                if self.check is not None:
                    self.check(found)
            elif self.required:
                raise missing()
        except Unacceptable as refusal:
            raise self.compiled.refused(refusal, scope) from None
        return found


def missing() -> Unacceptable:
    """A field that must hold something is empty; its place is still to be said."""
    return Unacceptable("missing-field", "", "nothing here", hl7=101)


def checked(
    compiled: Compiled, *, required: bool = False, check: Callable[[Any], None] | None = None
) -> Checked:
    """The value of `compiled` with its refusals placed."""
    return Checked(compiled.value, compiled, required, check)


def _is_populated(field: Field, scope: Scope) -> bool:
    try:
        return field.value(scope) is not None
    except Unacceptable:
        return True
