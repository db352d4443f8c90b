"""The token book: one routing thread's tokens, minted ahead of the vault and settled per batch.

A batch of messages is mapped without asking the vault for each identifier. What the cache does not
know is minted at once; before the batch is stored, one look-up tells which identifiers had a
token after all, and only the messages that used those are mapped again:

    for message in batch:  book.start(message.id); map it
    while affected := book.verify():  map those again
    store.route(routings, seal(book.minted()), now)  # TokensTaken: book.abandon(known), map all again
    book.committed()

What is minted is sealed by another (`engine.privacy.sealing`), when it is known whose it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from engine.privacy.tokens import DOMAINS, PERSON, mint
from engine.privacy.vault import Vault, canonical
from engine.tokens import Lookup

__all__ = ["SELVES", "Minted", "TokenBook"]

SELVES = frozenset({PERSON, DOMAINS["staff"]})
"""Domains whose tokens are persons: nobody else owns them."""

_SHEET = 256  # tokens minted at once
_MERGES = 10_000  # merges remembered before the cache starts afresh


class Minted(msgspec.Struct, gc=False, eq=False):
    """A token that only this batch knows, what it stands for, and the messages that used it.

    `subject` is the person whose it is, by token, once the batch is mapped; empty: nobody's."""

    token: str
    identifier: str
    index: bytes
    vault: Vault
    subject: str = ""
    users: dict[int, None] = {}  # in the order of their use
    verified: bool = False

    def __repr__(self) -> str:
        return f"Minted({self.token})"

    @property
    def domain(self) -> str:
        """Its letter."""
        return self.identifier[0]

    @property
    def tenant(self) -> str:
        """Whose number it is."""
        return self.vault.tenant

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """All that it will be found under."""
        return self.vault.named(self.identifier, self.index)


class TokenBook:
    """Answers identifiers with tokens; belongs to one thread.

    `lookup` asks the vault for the tokens of indexes (`MessageStore.tokens`); `random` gives that
    many random bytes; `capacity` bounds the cache, which holds indexes and tokens, never identifiers.
    """

    def __init__(
        self,
        vault: Vault,
        lookup: Callable[[Sequence[bytes]], dict[bytes, str]],
        random: Callable[[int], bytes] = os.urandom,
        *,
        capacity: int = 100_000,
    ) -> None:
        self._own = self._vault = vault
        self._lookup, self._random, self._capacity = lookup, random, capacity
        self._known: dict[bytes, str] = {}  # the younger generation: used since `_older` was this
        self._older: dict[bytes, str] = {}
        self._sheets: dict[str, list[str]] = {}  # tokens that stand for nothing yet, by domain
        self._minted: dict[bytes, str] = {}  # this batch's, by index
        self._fresh: dict[str, Minted] = {}  # the same, by token
        self._uses: dict[int, list[Minted]] = {}  # per message of this batch
        self._merges: list[tuple[int, str, str]] = []  # message, gone, into: of this batch
        self._settled: dict[str, str] = {}  # merges of earlier batches, flat
        self._survivors: dict[str, str] = {}  # both
        self._led: dict[int, dict[str, str]] = {}  # what a merge answered messages of this batch with
        self._vaults: dict[str, Vault] = {}  # of other tenants
        self._persons: dict[int, str] = {}  # by message of this batch: the first person
        self._same: dict[int, list[tuple[bytes, bytes]]] = {}  # merged, and one already
        self._message = 0

    @property
    def index(self) -> Callable[[str], bytes]:
        """What keys an identifier in the current message's vault, for what needs no token."""
        return self._vault.index

    @property
    def turn(self) -> int:
        """The turn of the vault that its answers are from (`MessageStore.route`)."""
        return self._own.turn

    def renew(self, vault: Vault) -> None:
        """The vault has turned: believe nothing that was known, map all of the batch again."""
        self._own = self._vault = vault
        self._vaults.clear()
        self._known, self._older, self._settled = {}, {}, {}
        self.abandon({})

    def start(self, message_id: int, tenant: str | None = None) -> None:
        """From here on tokens are asked for by this message, in the vault of `tenant` (None: the book's
        own); what it did before is forgotten."""
        self.forget(message_id)
        self._message = message_id
        self._persons.pop(message_id, None)
        self._same.pop(message_id, None)
        if tenant is None:
            self._vault = self._own
        elif tenant != self._vault.tenant:
            self._vault = self._of_tenant(tenant)

    def subject(self, message_id: int) -> str:
        """The person whom this message is about: the first that it asked for; empty: nobody."""
        return self._persons.get(message_id, "")

    def shift(self, person: str) -> int:
        """The days by which the dates of a person (a token) are shifted where a message is passed on."""
        return self._vault.shift(person)

    def token(self, domain: str, authority: str, id_type: str, value: str) -> str:
        """The token of an identifier (`domain` is a letter), minted when it is new.

        Raises `Unacceptable` for an identifier that cannot be written canonically."""
        identifier = canonical(domain, authority, id_type, value)
        index = self._vault.index(identifier)
        token = self._known.get(index)
        if token is None:
            token = self._recall(index) or self._minted.get(index) or self._mint(identifier, index)
        if (fresh := self._fresh.get(token)) is not None:
            self._use(fresh)
        if self._survivors and token in self._survivors:
            token = self._follow(token)
        if domain == PERSON:
            self._persons.setdefault(self._message, token)
        return token

    def same(self, gone: bytes, into: bytes) -> None:
        """The current message merges the numbers behind these indexes, and they lead to one token already."""
        self._same.setdefault(self._message, []).append((gone, into))

    def sames(self, message_id: int) -> tuple[tuple[bytes, bytes], ...]:
        """Of which numbers this message said so."""
        return tuple(self._same.get(message_id, ()))

    def merged(self, gone: str, into: str) -> None:
        """The current message says that `gone` is `into`: from here on that is the answer."""
        self._merges.append((self._message, gone, into))
        _merge(self._survivors, gone, into)

    @property
    def misled(self) -> bool:
        """Whether a merge that answered messages of this batch is none: its own message came to nothing
        after they were mapped."""
        survivors = self._survivors
        return any(
            survivors.get(gone, gone) not in (into, survivors.get(into, into))
            for led in self._led.values()
            for gone, into in led.items()
        )

    def verify(self) -> set[int]:
        """Ask the vault about this batch's new identifiers. The messages that used one which has
        a token already: map them again, then verify again, until none is left."""
        unsure = [fresh for fresh in self._fresh.values() if fresh.users and not fresh.verified]
        if not unsure:
            return set()
        for fresh in unsure:
            fresh.verified = True
        affected: set[int] = set()
        newest = self._newest(unsure)
        for lookup, token in self._lookup(list(newest)).items():
            self._learn(index := newest[lookup], token)
            if minted := self._minted.pop(index, None):  # else found under two keys
                affected |= self._fresh.pop(minted).users.keys()
        for message in affected:
            self.forget(message)
        return affected

    def forget(self, message_id: int) -> None:
        """This message comes to nothing: what it alone minted or merged is not stored."""
        for fresh in self._uses.pop(message_id, ()):
            fresh.users.pop(message_id, None)
        self._led.pop(message_id, None)
        if self._merges and any(message == message_id for message, _, _ in self._merges):
            self._merges = [merge for merge in self._merges if merge[0] != message_id]
            self._survivors = dict(self._settled)
            for _, gone, into in self._merges:
                _merge(self._survivors, gone, into)

    def minted(self) -> list[Minted]:
        """The new tokens that this batch's messages use, to be sealed and stored with them. Persons own
        themselves; the rest belongs to the person of the first message that used it."""
        found = [fresh for fresh in self._fresh.values() if fresh.users]
        for fresh in found:
            themselves = fresh.identifier[0] in SELVES
            fresh.subject = fresh.token if themselves else self.subject(next(iter(fresh.users)))
        return found

    def committed(self) -> None:
        """The batch is stored: its tokens and merges hold."""
        stored = [fresh for fresh in self._fresh.values() if fresh.users]
        if len(self._known) + len(stored) < self._capacity // 2:
            self._known |= {fresh.index: fresh.token for fresh in stored}
        else:
            for fresh in stored:
                self._learn(fresh.index, fresh.token)
        if self._merges:
            if len(self._survivors) > _MERGES:
                self._known, self._older = {}, {}
                self._survivors.clear()
            self._settled = dict(self._survivors)
        self._clear()

    def abandon(self, known: Mapping[bytes, str]) -> None:
        """The batch is not stored; learn the tokens that exist already (`TokensTaken.known`) and
        map all of it again."""
        newest = self._newest(self._fresh.values())
        for lookup, token in known.items():
            self._learn(newest.get(lookup, lookup), token)
        self._survivors = dict(self._settled)
        self._clear()

    def _clear(self) -> None:
        self._minted.clear()
        self._fresh.clear()
        self._uses.clear()
        self._led.clear()
        self._merges.clear()
        self._persons.clear()
        self._same.clear()

    def _newest(self, some: Iterable[Minted]) -> dict[bytes, bytes]:
        """The index of new tokens by each of their look-ups."""
        if not self._own.changing:
            return {one.index: one.index for one in some}
        return {found.lookup: one.index for one in some for found in one.lookups}

    def _of_tenant(self, tenant: str) -> Vault:
        vault = self._vaults.get(tenant)
        if vault is None:
            own = self._own
            vault = self._vaults[tenant] = own if tenant == own.tenant else own.of_tenant(tenant)
        return vault

    def _mint(self, identifier: str, index: bytes) -> str:
        sheet = self._sheets.get(domain := identifier[0])
        if not sheet:
            sheet = self._sheets[domain] = mint(domain, self._random(26 * _SHEET))
        token = sheet.pop()
        self._minted[index] = token
        self._fresh[token] = Minted(token, identifier, index, self._vault)
        return token

    def _use(self, fresh: Minted) -> None:
        message, users = self._message, fresh.users
        if message not in users:
            users[message] = None
            if (used := self._uses.get(message)) is None:
                self._uses[message] = [fresh]
            else:
                used.append(fresh)

    def _follow(self, gone: str) -> str:
        """The token that stands for one that was merged away."""
        into = self._survivors[gone]
        self._led.setdefault(self._message, {})[gone] = into
        if (fresh := self._fresh.get(into)) is not None:
            self._use(fresh)
        return into

    def _recall(self, index: bytes) -> str | None:
        """A token that was not used lately, which makes it young again."""
        token = self._older.get(index)
        if token is not None:
            self._learn(index, token)
        return token

    def _learn(self, index: bytes, token: str) -> None:
        """Remember a token. When a generation is full the one before is forgotten: whole dicts, because
        one from which entries go one by one is copied again and again, each time beside the old one."""
        if len(self._known) >= self._capacity // 2:
            self._known, self._older = {}, self._known
        self._known[index] = token


def _merge(survivors: dict[str, str], gone: str, into: str) -> None:
    """Point `gone`, and all that points at it, to where `into` leads. A circle changes nothing."""
    gone, into = survivors.get(gone, gone), survivors.get(into, into)
    if gone == into:
        return
    for token, survivor in survivors.items():
        if survivor == gone:
            survivors[token] = into
    survivors[gone] = into
