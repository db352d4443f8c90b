"""What the expressions of a channel read and gave for one message, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from engine.config.build import WorkedAt
from engine.config.finding import Place
from engine.config.spec import Tests
from engine.errors import Unacceptable
from engine.transforms.compiling import Compiled
from engine.transforms.scope import Scope
from engine.transforms.setting import Stage, Worked

__all__ = ["Change", "Look", "Looker", "Show"]

Show = Callable[[Any], str]
"""How a value is shown: tokens as aliases, nothing that identifies."""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of an expression, and what it gave: an alternative, or what a verb made of what stood before."""

    said: str
    gave: str
    verb: bool = False


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """One expression: the `text` of the file, what it was worked out from, what it gave; of a condition what
    was `wanted` and whether it `held`; of a field of an effect which (`field`)."""

    text: str
    changes: tuple[Change, ...] = ()
    gave: str = ""
    field: str = ""
    wanted: tuple[str, ...] = ()
    held: bool | None = None
    refused: str = ""

    @property
    def told(self) -> list[Change]:
        """The changes that say something: what is empty is only told where it is the end."""
        last = self.changes[-1:]
        told = [one for one in self.changes if one.gave or (one.verb and one in last)]
        return told or list(self.changes[:1])


class Looker:
    """Asks the expressions of a channel again, one by one; `show` says how a value is shown."""

    def __init__(self, worked: Iterable[WorkedAt], show: Show) -> None:
        self._show = show
        self._worked: dict[Place, list[Worked]] = {}
        for place, one in worked:
            known = self._worked.setdefault(place, [])
            if _said(one) not in map(_said, known):  # what a message empties is compiled twice
                known.append(one)

    def _conditions(self, place: Place, tests: Tests, scope: Scope) -> tuple[Look, ...]:
        """Up to the first that does not hold: the others are not asked."""
        looks: list[Look] = []
        for text, wanted in tests.items():
            look = self._look((*place, "when", text), text, scope, wanted)
            looks.append(look)
            if not look.held:
                break
        return tuple(looks)

    def _look(self, place: Place, text: str, scope: Scope, wanted: str | Sequence[str] = ()) -> Look:
        """What the expressions at a place are worked out from, and what they give; a key has several, and its
        effect says what they come to."""
        changes: list[Change] = []
        value: Any = None
        texts = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        try:
            for one in self._worked[place]:
                value = self._worked_out(one, scope, changes)
        except Unacceptable as error:
            refused = f"{error.code} at {error.place or '-'}: {error.text}"
            held = False if texts else None
            return Look(text, tuple(changes), "", wanted=texts, held=held, refused=refused)
        held = _holds(value, wanted) if texts else None
        gave = self._show(value) if len(self._worked[place]) == 1 else ""
        return Look(text, tuple(changes), gave, wanted=texts, held=held)

    def _worked_out(self, one: Worked, scope: Scope, changes: list[Change]) -> Any:
        stages: list[Stage] = [*one.alternatives, *one.verbs]
        value = None
        for number, stage in enumerate(stages, 1):
            try:
                found = stage.value(scope)
            except Unacceptable as error:
                compiled = Compiled(stage.value, one.fields, frozenset())
                changes.append(Change(stage.said, "refused", number > len(one.alternatives)))
                raise compiled.refused(error, scope) from None
            changes.append(Change(stage.said, self._show(found), number > len(one.alternatives)))
            if number > len(one.alternatives) or value is None:
                value = found
        return value


def _said(one: Worked) -> tuple[str, ...]:
    return tuple(stage.said for stage in (*one.alternatives, *one.verbs))


def _holds(value: Any, wanted: str | Sequence[str]) -> bool:
    if wanted in ("present", "absent"):
        return (value is not None) is (wanted == "present")
    return value in ((wanted,) if isinstance(wanted, str) else wanted)
