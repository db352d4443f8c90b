"""Tokens a person can read, for tests and trials: `person:12345` instead of `t1p_5t…`.

The tokens themselves are real ones from a vault that forgets; only what is shown and compared has
their readable names. An alias is the word of the token's domain and the identifier; where two
identifiers of one message would read the same, the assigning authority and then the type are added:
`person:12345@HOSP`, `person:12345@HOSP/PI`. Where nobody may learn the identifier, they are numbered instead:
`person:#1`.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter

from engine.privacy.book import TokenBook
from engine.privacy.tokens import DOMAINS, PATTERN
from engine.privacy.vault import Vault

__all__ = ["AliasBook"]

_TOKEN = re.compile(PATTERN)
_WORDS = {letter: word for word, letter in DOMAINS.items()}


class AliasBook(TokenBook):
    """A token book without a store that remembers what each of its tokens stands for. The same
    messages in the same order give the same tokens. With `numbered` its aliases tell no identifier."""

    def __init__(self, *, numbered: bool = False) -> None:
        count = itertools.count()
        self._numbered = numbered
        super().__init__(
            Vault(tenant="trial", index_keys={"trial": bytes(32)}, shift_key=bytes(32)),
            lambda _: {},
            lambda size: hashlib.shake_256(str(next(count)).encode()).digest(size),
        )
        self._meanings: dict[str, tuple[str, str, str]] = {}
        self._taken: Counter[str] = Counter()

    def token(self, domain: str, authority: str, id_type: str, value: str) -> str:
        """As `TokenBook.token`."""
        token = super().token(domain, authority, id_type, value)
        if token not in self._meanings:
            told = f"#{len(self._meanings) + 1}" if self._numbered else value.strip()
            name = f"{_WORDS[domain]}:{told}"
            self._meanings[token] = name, authority, id_type
            self._taken.update((name, f"{name}@{authority}"))
        return token

    @property
    def identifiers(self) -> frozenset[str]:
        """The identifiers that tokens were asked for."""
        return frozenset(name.partition(":")[2] for name, _, _ in self._meanings.values())

    def shown(self, text: str) -> str:
        """`text` with its tokens replaced by their aliases."""
        return _TOKEN.sub(lambda found: self._alias(found[0]), text)

    def _alias(self, token: str) -> str:
        meaning = self._meanings.get(token)
        if meaning is None:
            return token
        name, authority, id_type = meaning
        for alias in (name, f"{name}@{authority}"):
            if self._taken[alias] == 1:
                return alias
        return f"{name}@{authority}/{id_type}"
