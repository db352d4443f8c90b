"""What every store promises to those who seal and unseal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from engine.auditing import Entry
from engine.resources import Version
from engine.store.keys import KeyRing
from engine.tokens import Erased, Erasure, SealKey, TokenRow, TurnedRow, Use

__all__ = ["VaultStore"]


class VaultStore(Protocol):
    """The vault for those who seal and unseal. Every store has these verbs too."""

    def token_rows(self, tokens: Sequence[str]) -> dict[str, TokenRow]:
        """The rows of these tokens as they are kept; unknown ones are absent."""
        ...

    def seal_keys(self, ids: Sequence[str]) -> dict[str, SealKey]:
        """Wrapped seal keys; unknown ones are absent."""
        ...

    def keep_seal_key(self, key: SealKey) -> None:
        """Make a wrapped seal key durable, before anything is sealed with it."""
        ...

    def settle_erasures(self, used: Sequence[str], now: float) -> list[Erasure]:
        """Carry out here what the cabinet knows to be erased, and remove contents whose keys, of those
        `used`, were destroyed. Tells what was carried out."""
        ...

    def erasable(self, token: str, named: Collection[int] = ()) -> Erased:
        """What erasing the person behind a token would come to; `named` are messages that are known to name
        the person besides those that the vault finds."""
        ...

    def erase(self, erasure: Erasure, planned: Erased, entry: Entry) -> Erased:
        """Erase a person as `erasable` planned it: first the keys, from which no copy recovers; then, in one
        commit with the audit's `entry`, sealed identifiers, look-ups, contents of messages that name nobody
        else, and who is named where. What was minted meanwhile goes too. What is left of it, after a crash
        or when an older copy of the store is put back, is done when the store is opened.

        Raises, with nothing done, `KeyError` when nobody is planned, `Unacceptable` (`conflict`) when the
        person's numbers are others than planned by now, `Misconfigured` for an entry that may not be
        written."""
        ...

    def erasures(self) -> list[Erasure]:
        """Who was erased, oldest first."""
        ...

    def uses(self) -> Mapping[str, Use]:
        """Which keys of the ring each recorded purpose uses (`engine.store.uses`)."""
        ...

    def begin_rotation(self, index_key: str, now: float) -> float:
        """Begin to go over to new keys, or go on with it: whatever is stored from now on is found under
        `index_key` too. Since when seal keys count as new."""
        ...

    def to_rotate(self) -> int:
        """How many rows hold an identifier."""
        ...

    def rotation_page(self, after: str, limit: int) -> list[TokenRow]:
        """Rows that hold an identifier, by token, after this one."""
        ...

    def readers(self) -> dict[str, int]:
        """For whom seal keys are wrapped, and how many."""
        ...

    def seal_keys_since(self, since: float) -> set[str]:
        """The ids of seal keys made since."""
        ...

    def turn_rows(self, turned: Sequence[TurnedRow]) -> None:
        """Give rows their new look-ups and seals; one that was erased or sealed anew meanwhile keeps what it
        has."""
        ...

    def reterm(self, terms: Mapping[int, int]) -> None:
        """Let mentions under old terms be found under new ones (old → new)."""
        ...

    def end_rotation(self, index_key: str) -> None:
        """All rows have gone over: from now on only `index_key` is used. Old look-ups and the seal keys that
        nothing is sealed with any more are removed."""
        ...

    def begin_terms(self, key_id: str) -> None:
        """From now on resources are found by this key of the ring too: who writes and who searches them has
        both (`Fingerprints.term`)."""
        ...

    def foundable(self, after: int, limit: int) -> list[Version]:
        """Current versions that are not deleted, with their bodies, in the order of creation after this."""
        ...

    def turn_terms(self, turned: Sequence[tuple[Version, tuple[bytes, ...]]]) -> None:
        """Let resources be found by these terms and no others; one that was written meanwhile keeps its."""
        ...

    def end_terms(self, key_id: str) -> None:
        """All resources have gone over to this key."""
        ...

    def carry_names(self, ring: KeyRing) -> None:
        """Let the ring's current key carry the keys that name messages, so that older ones may leave."""
        ...

    def forget_strangers(self, index_key: str) -> int:
        """Forget mentions, made before this, of what is no token's number under `index_key`; how many."""
        ...
