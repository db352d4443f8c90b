"""What conditions ask, so that they can be held against each other without a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.config.spec import Tests
from engine.errors import Misconfigured
from engine.transforms.expression import Expression, Joined, Source, parse
from engine.transforms.values import Values

__all__ = ["Asked", "apart", "asked", "contradictory", "follows", "written"]


_NEED_NOTHING = frozenset({"default", "code", "money"})
"""Verbs that may give something where the first component of a field is empty."""


class Asked(NamedTuple):
    """One condition: its key in the file, the expression with its values written out, and what is wanted:
    True something, False nothing, or one of these texts."""

    text: str
    expression: Expression
    written: str
    wanted: bool | frozenset[str]

    @property
    def sources(self) -> frozenset[str]:
        """The places that it reads, each as it is written."""
        return frozenset(map(_source, self.expression.sources))

    @property
    def only_header(self) -> bool:
        """Whether it reads the message's header alone: then it means the same for every group."""
        return all(source.startswith("MSH-") for source in self.sources)

    @property
    def needs(self) -> frozenset[str]:
        """Places of which one must hold something for it to hold; empty when it may hold without."""
        may = self.wanted is False or any(verb.name in _NEED_NOTHING for verb in self.expression.verbs)
        return frozenset() if may else self.sources

    @property
    def lacks(self) -> frozenset[str]:
        """Places that hold nothing where it holds."""
        return self.sources if self.wanted is False and not self.expression.verbs else frozenset()


def asked(tests: Tests, values: Values) -> list[Asked]:
    """The conditions of a `when:` that can be understood; what is wrong with the others, build says."""
    found = []
    for text, wanted in tests.items():
        try:
            expression = values.written_out(parse(text))
        except Misconfigured:
            continue
        given: bool | frozenset[str] = frozenset([wanted] if isinstance(wanted, str) else wanted)
        if wanted in ("present", "absent"):
            given = wanted == "present"
        found.append(Asked(text, expression, written(expression), given))
    return found


def written(expression: Expression) -> str:
    """An expression in the one way to write it: two that mean the same read the same."""
    verbs = "".join(f" | {verb}" for verb in expression.verbs)
    return " or ".join(map(_source, expression.sources)) + verbs


def _source(source: Source) -> str:
    if isinstance(source, Joined):
        return " + ".join(map(_source, source.parts))
    return str(getattr(source, "text", source))


def contradictory(one: Asked, other: Asked) -> bool:
    """Whether the two can never hold together, asked of the same message and group."""
    if one.written == other.written:
        if isinstance(one.wanted, frozenset) and isinstance(other.wanted, frozenset):
            return one.wanted.isdisjoint(other.wanted)
        return (one.wanted is False) != (other.wanted is False)
    return any(first.needs and first.needs <= second.lacks for first, second in ((one, other), (other, one)))


def follows(wanted: Asked, known: Sequence[Asked]) -> bool:
    """Whether `wanted` holds wherever all of `known` do."""
    if any(_is_the_same(wanted, one) for one in known):
        return True
    if wanted.expression.verbs:
        return False
    if wanted.wanted is True:
        return any(one.needs and one.needs <= wanted.sources for one in known)
    return wanted.wanted is False and wanted.sources <= {place for one in known for place in one.lacks}


def _is_the_same(wanted: Asked, one: Asked) -> bool:
    """Whether one asks the same of the same expression, or more."""
    if wanted.written != one.written:
        return False
    if isinstance(wanted.wanted, frozenset):
        return isinstance(one.wanted, frozenset) and one.wanted <= wanted.wanted
    return (wanted.wanted is False) == (one.wanted is False)


def apart(one: Sequence[Asked], other: Sequence[Asked]) -> bool:
    """Whether no message meets both lists of conditions."""
    return any(contradictory(first, second) for first in one for second in other)
