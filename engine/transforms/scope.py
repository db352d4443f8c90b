"""What a compiled value reads: a message or a group of it, the token book, and what was read before.

The rules of a channel ask the same things again and again (the charge's code, the visit's token).
Each step of an expression has a slot in the scope and is worked out once per group; what lies outside
of the groups (the patient, the visit) once per message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from engine.model import ReasonCode
from engine.privacy.book import TokenBook
from engine.privacy.vault import canonical

__all__ = ["Part", "Scope", "Value", "View", "asked", "remembered"]

_UNREAD: Final = object()


class View(Protocol):
    """What is read: a message of HL7 v2, a FHIR resource, or a part of one."""

    def place(self, path: Any, /) -> str:
        """A path as an error names it."""
        ...

    def warn(self, code: ReasonCode, place: str, text: str) -> None:
        """Say what a person should know although the message can be used."""
        ...


class Part(View, Protocol):
    """The `number`-th (from 1) group of a segment, or the like of an element: `anchor`."""

    anchor: str
    number: int
    known: dict[frozenset[str], bool]
    """Of sets of segments whether all of them are the message's: the same for all of its parts."""

    def common(self, segment: str, /) -> bool:
        """Whether a segment (an element) is the message's, for all parts alike."""
        ...


class Scope:
    """One message, or one group of it (then `outer` is the message), with `slots` slots. `common`
    says which sets of segments are the message's, for all groups alike."""

    __slots__ = ("book", "common", "memo", "outer", "view")

    def __init__(
        self,
        view: View,
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

    def within(self, groups: Sequence[Part]) -> list[Scope]:
        """The scopes of this message's groups."""
        slots = len(self.memo)
        return [Scope(group, self.book, slots, self, group.known) for group in groups]

    def is_common(self, segments: frozenset[str]) -> bool:
        """Whether these segments of a group (this has an `outer`) are the message's."""
        part: Any = self.view
        known = True
        for segment in segments:
            known = known and part.common(segment)
        self.common[segments] = known
        return known


class _Asked:
    """Answers in the place of a token book, and keeps what it was asked last."""

    def __init__(self, book: TokenBook) -> None:
        self._index = book.index
        self.last = b""

    def token(self, domain: str, authority: str, id_type: str, value: str) -> str:
        self.last = self._index(canonical(domain, authority, id_type, value))
        return f"t1{domain}_"


def asked(value: Value, scope: Scope) -> bytes:
    """The index of the identifier that a value is the token of: which number it is, not whom it leads to."""
    book = _Asked(scope.book)
    value(_anew(scope, cast(TokenBook, book)))
    return book.last


def _anew(scope: Scope, book: TokenBook) -> Scope:
    """The same scope with nothing read."""
    outer = None if scope.outer is None else _anew(scope.outer, book)
    return Scope(scope.view, book, len(scope.memo), outer, scope.common)


Value = Callable[[Scope], Any]
"""What an expression is compiled to; answers `None` for empty."""


def remembered(value: Value, slot: int, segments: frozenset[str]) -> Value:
    """`value`, worked out once per group, or once per message when its segments are the message's."""

    def known(scope: Scope) -> Any:
        found = scope.memo[slot]
        if found is not _UNREAD:
            return found
        outer = scope.outer
        if outer is None:
            found = value(scope)
        else:
            try:
                common = scope.common[segments]
            except KeyError:
                common = scope.is_common(segments)
            if not common:
                found = value(scope)
            elif (found := outer.memo[slot]) is _UNREAD:  # for the message: as above, without the call
                found = outer.memo[slot] = value(outer)
        scope.memo[slot] = found
        return found

    return known
