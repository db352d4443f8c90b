"""Under which terms a number that a person types is found: every authority that came by, every version of
the index key, everybody who was merged with whom it belongs to.

An authority's name is kept sealed, and always to the same bytes (AES-SIV, RFC 5297), so that one more
message from it adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from engine.privacy.identifiers import PREFERENCE
from engine.privacy.tokens import PERSON
from engine.privacy.vault import canonical

__all__ = ["KnownAuthorities", "spellings"]

_PURPOSE = "authorities"


class Ring(Protocol):
    """The installation's key ring (`engine.store.keys.KeyRing`)."""

    @property
    def ids(self) -> tuple[str, ...]: ...
    def derive(self, purpose: str, key_id: str = "") -> bytes: ...


class Kept(Protocol):
    """Where the names are kept (`MentionStore.authorities`)."""

    def authorities(self) -> list[bytes]: ...
    def keep_authorities(self, sealed: Collection[bytes], gone: Collection[bytes] = ()) -> None: ...


class KnownAuthorities:
    """The names of the authorities whose numbers came by. Belongs to one thread."""

    def __init__(self, ring: Ring, kept: Kept) -> None:
        self._boxes = [AESSIV(ring.derive(_PURPOSE, key_id)) for key_id in ring.ids]
        self._kept = kept
        self._known: set[str] | None = None

    def names(self) -> set[str]:
        """All that are known. What no key of the ring opens is left out."""
        return {name for _, name in self._opened()}

    def remember(self, seen: Collection[str]) -> None:
        """Keep those that are new, durably. What an older key sealed goes over to the current one."""
        if self._known is None:
            opened = list(self._opened())
            self._known = {name for _, name in opened}
            old = {sealed: name for sealed, name in opened if self._sealed(name) != sealed}
            if old:
                self._kept.keep_authorities([self._sealed(name) for name in old.values()], gone=list(old))
        new = [name for name in seen if name not in self._known]
        if new:
            self._kept.keep_authorities([self._sealed(name) for name in new])
            self._known.update(new)

    def _sealed(self, name: str) -> bytes:
        return self._boxes[0].encrypt(name.encode() or b"\0", None)

    def _opened(self) -> Iterator[tuple[bytes, str]]:
        for sealed in self._kept.authorities():
            for box in self._boxes:
                try:
                    name = box.decrypt(sealed, None).decode()
                except InvalidTag:
                    continue
                yield sealed, name.strip("\0")
                break


def spellings(domain: str, value: str, authorities: Iterable[str]) -> list[str]:
    """The canonical texts that a number may stand under: of each authority, and for a person of each type
    that may become a token. Raises `Unacceptable` for a number with a control character in it."""
    kinds: Sequence[str] = PREFERENCE if domain == PERSON else ("",)
    return [canonical(domain, authority, kind, value) for authority in authorities for kind in kinds]
