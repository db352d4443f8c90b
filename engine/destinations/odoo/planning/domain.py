"""Odoo's search domains, asked of one record here. Pure.

Prefix notation: `["|", ("ref", "in", […]), ("name", "in", […]), ("company_id", "in", […])]`; terms that no
operator takes are joined by `&` (Odoo 19, developer reference: search domains).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from engine.destinations.odoo.faults import refusal
from engine.model import ReasonCode

__all__ = ["fields_in", "matches"]

_ARITY = {"|": 2, "&": 2, "!": 1}


def matches(domain: Sequence[Any], value_of: Callable[[str], Any]) -> bool:
    """Whether the record whose fields `value_of` gives is one of the domain's. A many2one is `[id, name]` or
    False, as Odoo has it. Raises `Unacceptable` (`internal`) for an operator that is not known here."""
    stack: list[bool] = []
    for term in reversed(domain):
        if isinstance(term, str):
            taken = [stack.pop() for _ in range(_ARITY[term])]
            stack.append(not taken[0] if term == "!" else any(taken) if term == "|" else all(taken))
        else:
            path, operator, wanted = term
            stack.append(_holds(value_of(path), operator, wanted))
    return all(stack)


def fields_in(domain: Sequence[Any]) -> set[str]:
    """The fields of the model itself that a domain asks about."""
    return {term[0].partition(".")[0] for term in domain if not isinstance(term, str)}


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    plain = _plain(value)
    if operator in ("=", "!="):
        return (_same(plain, wanted)) is (operator == "=")
    if operator in ("in", "not in"):
        return any(_same(plain, one) for one in wanted) is (operator == "in")
    if operator == "child_of":
        return _same(plain, wanted)
    if operator == "=like":
        return isinstance(plain, str) and re.fullmatch(_pattern(wanted), plain, re.DOTALL) is not None
    raise refusal(ReasonCode.INTERNAL, "a plan does not know this operator of a search", operator)


def _plain(value: Any) -> Any:
    """A many2one as its id; lists of ids as they are."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 2 and _is_named(value) else value


def _is_named(value: Sequence[Any]) -> bool:
    return isinstance(value[1], str)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return wanted in value
    return bool(value == wanted or (not value and not wanted))


def _pattern(like: str) -> str:
    """SQL's LIKE, with `\\` before what is meant as itself."""
    parts = re.findall(r"\\.|.", like, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
