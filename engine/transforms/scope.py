"""What a compiled value reads: a message or a group of it, the token book, and what was read before.

The rules of a channel ask the same things again and again (the charge's code, the visit's token).
Each step of an expression has a slot in the scope and is worked out once per group; what lies outside
of the groups (the patient, the visit) once per message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.hl7.document import Document
from engine.hl7.groups import Group
from engine.privacy.book import TokenBook

__all__ = ["Scope", "Value", "remembered"]

_UNREAD: Final = object()


class Scope:
    """One message, or one group of it (then `outer` is the message), with `slots` slots. `common`
    says which sets of segments are the message's, for all groups alike."""

    __slots__ = ("book", "common", "memo", "outer", "view")

    def __init__(
        self,
        view: Document | Group,
        book: TokenBook,
        slots: int,
        outer: Scope | None = None,
        common: dict[frozenset[str], bool] | None = None,
    ) -> None:
        self.view = view
        self.book = book
        self.memo: list[Any] = [_UNREAD] * slots
        self.outer = outer
        self.common = {} if common is None else common

    def within(self, groups: Sequence[Group]) -> list[Scope]:
        """The scopes of this message's groups."""
        slots = len(self.memo)
        common: dict[frozenset[str], bool] = {}
        return [Scope(group, self.book, slots, self, common) for group in groups]

    def is_common(self, segments: frozenset[str]) -> bool:
        """Whether these segments of a group are the message's."""
        view = self.view
        known = isinstance(view, Group)
        if isinstance(view, Group):
            for segment in segments:
                known = known and view.common(segment)
        self.common[segments] = known
        return known


Value = Callable[[Scope], Any]
"""What an expression is compiled to; answers `None` for empty."""


def remembered(value: Value, slot: int, segments: frozenset[str]) -> Value:
    """`value`, worked out once per group, or once per message when its segments are the message's."""

    def known(scope: Scope) -> Any:
        found = scope.memo[slot]
        if found is _UNREAD:
            outer = scope.outer
            if outer is None:
                found = value(scope)
            else:
                common = scope.common.get(segments)
                if common is None:
                    common = scope.is_common(segments)
                found = known(outer) if common else value(scope)
            scope.memo[slot] = found
        return found

    return known
