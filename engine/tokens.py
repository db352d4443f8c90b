"""The nouns of the vault: tokens, what finds and seals them, and persons who were erased.

Nothing here is an identifier: look-ups are keyed, what is sealed only a private key opens (`engine.privacy`).
"""

from __future__ import annotations

import msgspec

__all__ = ["Erased", "Erasure", "Lookup", "NewToken", "SealKey", "TokenMerge", "TokenRow", "TurnedRow", "Use"]


class Lookup(msgspec.Struct, frozen=True):
    """Under what an identifier is found: 16 bytes, keyed by the ring key `key_id`."""

    lookup: bytes
    key_id: str


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token minted during routing, to be stored in the same transaction as its effects."""

    token: str
    domain: str  # one letter, spec: PHI, section 5.1
    lookups: tuple[Lookup, ...]
    key_id: str  # of the seal key
    sealed: bytes
    subject: str = ""  # the person (a token) whose key it is sealed with besides; empty: nobody's
    tenant: str = ""


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token as the vault keeps it. `sealed` is None when it was erased."""

    token: str
    domain: str
    tenant: str
    key_id: str
    sealed: bytes | None
    subject: str
    created_at: float
    merged_into: str = ""
    moved_to: str = ""  # the person it belongs to now, when not `subject`
    erased_at: float = 0.0


class TurnedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the vault that goes over to new keys: under what it is found besides, and how it is sealed
    (`sealed` is empty where it stays)."""

    before: TokenRow
    lookups: tuple[Lookup, ...] = ()
    key_id: str = ""
    sealed: bytes = b""
    subject: str = ""


class SealKey(msgspec.Struct, frozen=True):
    """A key that identifiers are sealed with, wrapped: only `reader`'s private key opens it."""

    id: str
    reader: str
    wrapped: bytes
    made_at: float


class Use(msgspec.Struct, frozen=True):
    """Which keys of the ring a purpose uses, the one that new names are made with first. `turn` counts
    what made the answers of before void. The purpose's own key may be `carried` by a newer key of the ring,
    so that the one it was derived from may leave."""

    keys: tuple[str, ...]
    turn: int = 0
    carried: bytes = b""
    carried_by: str = ""


class TokenMerge(msgspec.Struct, frozen=True):
    """From now on the identifier behind `gone` answers with `into` (same domain)."""

    gone: str
    into: str


class Erasure(msgspec.Struct, frozen=True):
    """That a person was erased: under which token, when (seconds since the epoch), and what a person gave as
    the reason."""

    token: str
    at: float
    why: str
    ticket: str
    who: str


class Erased(msgspec.Struct, frozen=True):
    """What an erasure comes to: the tokens of the person (several after merges), those and what is the
    person's (visits, orders …), the messages whose content goes, those that name another person too and stay
    until their day is over, and those of the former that are still in work."""

    persons: tuple[str, ...]
    tokens: tuple[str, ...]
    messages: tuple[int, ...] = ()
    shared: tuple[int, ...] = ()
    open: tuple[int, ...] = ()
