"""The guard at the way out: nothing that identifies somebody leaves in an effect (decision 0025).

It trusts no other part of the privacy step: it looks at what an effect holds, not at where it came from.
Tokens, and what stands in the channel's own files (`vocabulary`), say nothing of anybody. What is left is
compared with the values that identify in the message that it came from, which is read for that only then:

    left = guard.routed(routed, since)
    leak = guard.leak(left, Identities(seen)) if left else None
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from engine.effects import Effect
from engine.model import Routed
from engine.privacy.matching import Identities
from engine.privacy.outgoing import WORDS, Left, gather, is_odd, walk
from engine.privacy.tokens import LENGTH, PATTERN

__all__ = ["Guard", "Leak", "Left"]

_token = re.compile(PATTERN).fullmatch
_tokens = re.compile(PATTERN)


class Leak(NamedTuple):
    """What identifies stands where it must not: the field, and the policy's row of what it is."""

    place: str
    row: str


class Guard:
    """One channel's. `vocabulary` are the words of its file and tables; `known` are words that are no
    person's here, whoever is called so. Safe to share between threads."""

    def __init__(self, vocabulary: Iterable[str] = (), known: Iterable[str] = ()) -> None:
        self._harmless = frozenset(vocabulary) | WORDS
        words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
        self._known = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def __repr__(self) -> str:
        return f"Guard({len(self._harmless)} words)"

    def routed(self, routed: Routed, since: date) -> list[Left]:
        """What of all that a message became is to be compared; days from `since` on are those of the work."""
        made: Sequence[Effect] = routed.effects
        beside = [routed.sequence_key, *routed.sequence_keys]
        if routed.said:
            made = [*made, *(effect for said in routed.said for effect in said.event.effects)]
            beside += [text for said in routed.said for text in (said.key, said.sequence_key)]
        beside += [token for merge in routed.merges for token in (merge.gone, merge.into)]
        return self.left(made, since, beside)

    def left(self, made: Sequence[Effect], since: date, beside: Sequence[str] = ()) -> list[Left]:
        """What of these effects, and of texts `beside` them, is to be compared."""
        texts, odd, harmless = set(beside), False, self._harmless
        for effect in made:
            odd |= gather(effect, texts, since)
        rest = {text for text in texts - harmless if _is_left(text, harmless)}
        if not rest and not odd:
            return []
        found = [
            left
            for effect in made
            for left in walk(effect)
            if (left.value in rest if isinstance(left.value, str) else is_odd(left.value, since))
        ]
        return found + [Left("sequence", text) for text in beside if text in rest]

    def leak(self, left: Iterable[Left], identities: Identities) -> Leak | None:
        """The first of these that holds a value that identifies."""
        for place, value in left:
            row = self._row(value, identities)
            if row:
                return Leak(place, row)
        return None

    def in_words(self, text: str, identities: Identities) -> str:
        """The policy's row of a value that stands in words of ours (an error's text), empty when none does:
        a single name of fewer than six letters may be a word of any language, so it takes more than one."""
        return identities.row_in(self._bare(text), whole_names=True)

    def _row(self, value: str | Decimal | date, identities: Identities) -> str:
        if isinstance(value, Decimal):
            return identities.row_of_number(value)
        if isinstance(value, date):
            return identities.row_of_date(f"{value:%Y%m%d}")
        if value in self._harmless:
            return ""
        return identities.row_in(self._bare(value))

    def _bare(self, text: str) -> str:
        """Without tokens, whose letters are chance, and without known words; a mark stands for each."""
        text = _tokens.sub("/", text)
        return self._known.sub("/", text) if self._known else text


def _is_left(text: str, harmless: frozenset[str]) -> bool:
    """Whether a text is more than tokens and harmless words with a `/` between."""
    for part in text.split("/"):
        if part not in harmless and not (len(part) == LENGTH and _token(part)):
            return True
    return False
