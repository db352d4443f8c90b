"""Expressions of a blueprint, held against what samples have."""

from __future__ import annotations

import re

from engine.workbench.drafting.facts import Facts

__all__ = ["Supported"]


class Supported:
    """What a sender's samples support. `alive` says of the blueprint's named values, in their order, which
    of them the samples populate."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.alive: dict[str, bool] = {}

    def pruned(self, text: str) -> str | None:
        """The expression with those alternatives that the samples populate; None when there is none."""
        head, *verbs = re.split(r"\s*\|\s*", text)
        left = [one for one in re.split(r"\s+or\s+", head) if self._populated(one)]
        return " | ".join((" or ".join(left), *verbs)) if left else None

    def known(self, text: str) -> str:
        """An expression that no sample populates, without alternatives that this sender could never send."""
        head, *verbs = re.split(r"\s*\|\s*", text)
        sources = re.split(r"\s+or\s+", head)
        left = [one for one in sources if one in self.alive or self._facts.knows(one)] or sources
        return " | ".join((" or ".join(left), *verbs))

    def _populated(self, source: str) -> bool:
        return all(map(self._part, re.split(r"\s+\+\s+", source)))

    def _part(self, part: str) -> bool:
        if part.startswith("literal("):
            return True
        if part.startswith("anywhere("):
            return self._facts.has(part[len("anywhere(") :].partition(",")[0])
        if part in self.alive:
            return self.alive[part]
        return not self.is_word(part) and self._facts.has(part)

    def is_word(self, text: str) -> bool:
        """A plain word where an expression may stand: `kind: service`."""
        return re.fullmatch(r"[a-z]+", text) is not None and text not in self.alive
