"""Search while all is sealed: a person types a number and finds the messages that name it, or name a number
that was merged with it, or speak of the resource that has it.

Nothing is opened for that. The number is written in every way in which it may stand in the vault, and looked
up by keyed index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from engine.errors import Misconfigured
from engine.privacy.fhir_table import domain_of
from engine.privacy.mentions import term
from engine.privacy.searching import spellings
from engine.privacy.tokens import DOMAINS, parse
from engine.privacy.vault import canonical
from engine.resources import ResourceKey
from engine.store.base import MessageStore
from engine.store.contracts.views import MessageView, Query

__all__ = ["KINDS", "TOKEN", "Searched", "search"]

KINDS = {
    "mrn": DOMAINS["person"],
    "visit": DOMAINS["visit"],
    "account": DOMAINS["account"],
    "order": DOMAINS["order"],
    "appointment": DOMAINS["appt"],
}
"""What people call a number → the letter of its token domain."""

TOKEN = "token"  # noqa: S105 - what else may be searched by
_EVERY = Query(limit=100_000)


class Names(Protocol):
    """The vault, as far as a search needs it (`engine.privacy.vault.Vault`)."""

    def lookups(self, identifier: str) -> Sequence[bytes]: ...


class Searched(msgspec.Struct, frozen=True):
    """What a search found: messages, the tokens of whom or what they are about (one, and those merged with
    it; none when nothing was ever minted), and under how many authorities was looked."""

    messages: tuple[MessageView, ...]
    tokens: tuple[str, ...]
    authorities: int


def search(
    store: MessageStore, vault: Names, kind: str, value: str, authorities: Collection[str], query: Query
) -> Searched:
    """The messages that name a number (`kind` of `KINDS`, given by one of `authorities`) or what a token
    stands for (`kind` is `TOKEN`). Raises `Misconfigured` for what is no token, `Unacceptable` for what is
    no number."""
    if kind == TOKEN:
        token = parse(value)
        if token is None:
            raise Misconfigured("that is no token", hint="32 characters from t1 on; one of them is wrong")
        domain, asked, tokens = token.domain, set[bytes](), {token.text}
    else:
        domain = KINDS[kind]
        asked = {one for text in spellings(domain, value, authorities) for one in vault.lookups(text)}
        tokens = set(store.tokens(sorted(asked)).values())
    kin = store.kin(sorted(tokens))
    terms = {term(one) for one in (*asked, *kin)}
    terms |= _of_resources(store, vault, domain, terms)
    found = store.mentioned(sorted(terms), query)
    return Searched(tuple(found), tuple(sorted({*tokens, *kin.values()})), len(authorities))


def _of_resources(store: MessageStore, vault: Names, domain: str, terms: set[int]) -> set[int]:
    """The terms of FHIR resources that have one of these numbers: others refer to them by their ids."""
    ids = [view.id for view in store.mentioned(sorted(terms), _EVERY)]
    own = [key for key in store.versions_of(ids) if domain_of(key.type) == domain]
    return {term(one) for key in own for one in vault.lookups(_by_id(domain, key))}


def _by_id(domain: str, key: ResourceKey) -> str:
    return canonical(domain, f"fhir/{key.release}", "", f"{key.type}/{key.id}")
