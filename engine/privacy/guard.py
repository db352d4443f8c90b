"""The guard at the way out: nothing that identifies somebody leaves in an effect (decision 0025).

It trusts no other part of the privacy step: it looks at what an effect holds, not at where it came from.
Tokens, and what stands in the channel's own files (`vocabulary`), say nothing of anybody. What is left is
compared with the values that identify in the message that it came from, which is read for that only then:

    made, left = guard.routed(routed, since)
    leak = guard.leak(left, made, Identities(seen)) if left else None
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec.structs import astuple

from engine.effects import Effect
from engine.model import Routed
from engine.privacy.matching import Identities
from engine.privacy.outgoing import LEAVES, WORDS, Open, days_before, parts_of, place_of
from engine.privacy.tokens import LENGTH, PATTERN

__all__ = ["Guard", "Leak"]

_REMEMBERED = 50_000  # items and prices with nothing to compare, before it starts afresh
_token = re.compile(PATTERN).fullmatch
_tokens = re.compile(PATTERN)
_drawn = re.compile("[A-Z2-7]{20}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
"""MSH-10 of what is passed on (`engine.privacy.redaction`), ids that resources get here: by chance there is a
Lee in one of ten thousand and a visit 815 in one of a hundred, so what is that short does not count there."""


class Leak(NamedTuple):
    """What identifies stands where it must not: the field, and the policy's row of what it is."""

    place: str
    row: str


class Guard:
    """One channel's. `vocabulary` are the words of its file and tables; `known` are words that are no
    person's here, whoever is called so. Safe to share between threads."""

    def __init__(self, vocabulary: Iterable[str] = (), known: Iterable[str] = ()) -> None:
        self._harmless: frozenset[Any] = WORDS.union(vocabulary)
        self._quiet: set[object] = set()
        words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
        self._known = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def __repr__(self) -> str:
        return f"Guard({len(self._harmless)} words)"

    def routed(self, routed: Routed, since: date) -> tuple[list[Effect], set[Open]]:
        """All effects that a message became, and what of them and of their order is to be compared."""
        made = list(routed.effects)
        beside = [routed.sequence_key, *routed.sequence_keys]
        for said in routed.said:
            made += said.event.effects
            beside += (said.key, said.sequence_key)
        for merge in routed.merges:
            beside += (merge.gone, merge.into)
        return made, self.left(made, since, beside)

    def quiet(self, results: Iterable[object], since: date) -> bool:
        """Whether there is nothing to compare in all that these messages became."""
        made: list[Effect] = []
        beside: list[str] = []
        for result in results:
            if isinstance(result, Routed):
                if result.said or result.merges:
                    return False
                made += result.effects
                beside.append(result.sequence_key)
                beside += result.sequence_keys
        return not self.left(made, since, beside)

    def left(self, made: Iterable[Effect], since: date, beside: Iterable[str] = ()) -> set[Open]:
        """What of these effects, and of texts `beside` them, is to be compared; days from `since` on are
        those of the work."""
        harmless, quiet = self._harmless, self._quiet
        found: set[Open] = set()
        for value in set(beside).union(*map(astuple, made)) - harmless - quiet:
            if value.__class__ is str:
                parts = value.split("/")
                for part in parts:
                    if part not in harmless and not (len(part) == LENGTH and _token(part)):
                        found.update(_opened(value, parts, harmless))
                        break
            elif isinstance(value, date):
                found.update(days_before(since, value))
            elif open_parts := parts_of(value, harmless):
                found.update(open_parts)
            else:
                self._remember(value)
        return found

    def _remember(self, value: object) -> None:
        """An item or a price of which nothing is ever to be compared, whatever message it is of."""
        if len(self._quiet) >= _REMEMBERED:
            self._quiet = set()
        self._quiet.add(value)

    def leak(self, left: Iterable[Open], made: Iterable[Effect], identities: Identities) -> Leak | None:
        """The first of what is left of these effects that holds a value that identifies, and where."""
        for value in left:
            row = self._row(value, identities)
            if row:
                return Leak(place_of(value, made), row)
        return None

    def in_words(self, text: str, identities: Identities) -> str:
        """The policy's row of a value that stands in words of ours (an error's text), empty when none does:
        a single name of fewer than six letters may be a word of any language, so it takes more than one. What
        the channel itself calls a warning is nobody."""
        if text in self._harmless:
            return ""
        return identities.row_in(self._bare(text), whole_names=True)

    def in_code(self, code: str, identities: Identities) -> str:
        """The same of a code as it was sent: compared as an effect's would be."""
        return self._row(code, identities)

    def _row(self, value: Open, identities: Identities) -> str:
        if isinstance(value, Decimal):
            return identities.row_of_number(value)
        if isinstance(value, date):
            return identities.row_of_date(f"{value:%Y%m%d}")
        return identities.row_in(self._bare(value), drawn=_drawn(value) is not None)

    def _bare(self, text: str) -> str:
        """Without tokens, whose letters are chance, and without known words; a mark stands for each."""
        text = _tokens.sub("/", text)
        return self._known.sub("/", text) if self._known else text


def _opened(text: str, parts: list[str], harmless: frozenset[Any]) -> list[str]:
    """What is to be compared of a text that is more than tokens and harmless words: of a key (it begins with
    its space, or has a token in it) its parts, of a message that is passed on every leaf, else all of it."""
    if "\r" in text:
        parts = list(set(LEAVES.split(text)))
    elif not _is_key(text, parts, harmless):
        return [text]
    return [part for part in parts if part not in harmless and not (len(part) == LENGTH and _token(part))]


def _is_key(text: str, parts: list[str], harmless: frozenset[Any]) -> bool:
    """Whether a text is put together of parts that say something each; days are written with `/` too."""
    first = parts[0]
    return (len(parts) > 1 and first in harmless and not first.isdecimal()) or (
        "t1" in text and _tokens.search(text) is not None
    )
