"""What a client may do with which resource type: SMART scopes of systems, v1 and v2.

`system/SupplyRequest.cru`, `system/*.rs`; v1's `.read`, `.write` and `.*` mean `.rs`, `.cud` and `.cruds`
(SMART App Launch 2, Scopes and launch context). The letters stand in this order only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

__all__ = ["Interaction", "Scopes", "read_scope"]

Interaction = Literal[
    "create", "read", "vread", "history", "update", "patch", "delete", "search", "history-type"
]
"""What is done with a resource; `history` is that of one resource, `history-type` of all of a type."""

MAX_SCOPE: Final = 4096
"""Characters of a scope parameter, at most."""

ANY: Final = "*"

_LETTERS: Final[dict[Interaction, str]] = {
    "create": "c", "read": "r", "vread": "r", "history": "r", "update": "u", "patch": "u", "delete": "d",
    "search": "s", "history-type": "s",
}  # fmt: skip
_V1: Final = {"read": "rs", "write": "cud", "*": "cruds"}
_WORD = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, 3.3: scope-token."""

_SYSTEM = re.compile(
    r"system/(?P<type>\*|[A-Z][A-Za-z]{1,63})\.(?P<what>read|write|\*|(?=[cruds])c?r?u?d?s?)"
)


class Scopes(msgspec.Struct, frozen=True):
    """Letters of `cruds` by resource type; `*` is every type."""

    letters: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.letters)

    def __str__(self) -> str:
        return " ".join(f"system/{type_}.{letters}" for type_, letters in self.letters.items())

    def may(self, type_: str, interaction: Interaction) -> bool:
        """Whether they cover this."""
        letter = _LETTERS[interaction]
        return letter in self.letters.get(type_, "") or letter in self.letters.get(ANY, "")

    def both(self, other: Scopes) -> Scopes:
        """What these and the others cover."""
        types = sorted(self.letters.keys() | other.letters.keys() | {ANY})
        return _plain({type_: self._of(type_) & other._of(type_) for type_ in types})

    def _of(self, type_: str) -> set[str]:
        return set(self.letters.get(type_, "") + self.letters.get(ANY, ""))

    @classmethod
    def of(cls, words: Iterable[str]) -> Scopes:
        """The scopes that these words give together; words of other kinds (`openid`, `patient/…`) give
        nothing here. Raises `ValueError` for a word that is none."""
        found: dict[str, set[str]] = {}
        for word in words:
            if scope := read_scope(word):
                found.setdefault(scope[0], set()).update(scope[1])
        return _plain(dict(sorted(found.items())))

    @classmethod
    def parse(cls, text: str) -> Scopes:
        """From a `scope` parameter or claim: words with one space between them. Raises `ValueError`."""
        if len(text) > MAX_SCOPE:
            raise ValueError("too long")
        return cls.of(text.split(" "))


def read_scope(word: str) -> tuple[str, str] | None:
    """Type and letters of one scope, or None when it is a scope of another kind. Raises `ValueError` for
    what is no scope at all, and for letters of a system scope in another order or none.

    A system scope with search parameters (`system/Task.rs?owner=…`) is of another kind: it could only be
    granted by whoever keeps to them."""
    if not _WORD.fullmatch(word):
        raise ValueError("not a scope")
    found = _SYSTEM.fullmatch(word)
    if found:
        return found["type"], _V1.get(found["what"], found["what"])
    if word.startswith("system/") and not _SYSTEM.fullmatch(word.partition("?")[0]):
        raise ValueError("not a system scope")
    return None


def _plain(found: dict[str, set[str]]) -> Scopes:
    """Each type with what every type may not do already."""
    everywhere = found.get(ANY, set())
    rest = {type_: letters if type_ == ANY else letters - everywhere for type_, letters in found.items()}
    return Scopes(
        {type_: "".join(filter(mine.__contains__, "cruds")) for type_, mine in rest.items() if mine}
    )
