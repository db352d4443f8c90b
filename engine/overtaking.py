"""Whether what was to be carried out long ago may still be: not when a later message has said otherwise
since.

An effect that waits for another attempt holds back what follows in its sequence, a dead letter does not. So
when a dead letter is sent on its way again, or an old message goes through the channel anew, later effects
of its sequence may stand already. Most of them concern other things (another charge of the same visit), and
the old one is carried out as if nothing had happened. Where they concern the same thing, the later one
counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.effects import (
    Charge,
    Consume,
    Credit,
    Effect,
    Encounter,
    Lot,
    Merge,
    Offer,
    Price,
    Procure,
    Product,
    Release,
    Reserve,
    Stocking,
    Unmerge,
    covers,
)

__all__ = ["AGAIN", "KEPT_IN_COURSES", "MADE_ANEW", "overtakes"]

AGAIN: Final = "sent-again"
"""The word in a delivery's progress that says that it was sent on its way again: the code of the reason why
it had become a dead letter, or `MADE_ANEW`."""

MADE_ANEW: Final = "made-anew"
"""Its message was routed again: what it says is what its channel says today."""

KEPT_IN_COURSES: Final = (Encounter, Reserve, Release)
"""What a course keeps says what is so by now, after all that was said, however old the message."""

_ABOUT: Final[dict[type[Any], tuple[str, ...]]] = {
    Reserve: ("key",),
    Consume: ("key",),
    Charge: ("key",),
    Credit: ("key",),
    Procure: ("key",),
    Encounter: ("key",),
    Product: ("code", "company"),
    Offer: ("code", "vendor", "company"),
    Price: ("code", "price_list", "from_quantity", "company"),
    Stocking: ("code", "location", "company"),
    Lot: ("code", "lot", "company"),
}
"""Two effects of a kind that say the same under these words are about the same thing."""


def overtakes(later: Effect, earlier: Effect, *, waited: bool = False) -> bool:
    """Whether `earlier` may not be carried out any more because `later`, of a later place in the order,
    stands. `waited`: what was refused waits for what it refers to, which may be the later one."""
    words = _ABOUT.get(type(earlier)) if type(later) is type(earlier) else None
    if words is not None and all(getattr(later, word) == getattr(earlier, word) for word in words):
        return True
    rule = _RULES.get(type(earlier))
    return rule is not None and rule(later, earlier, waited)


def _of_reserve(later: Effect, earlier: Any, _: bool) -> bool:
    """It was released since, or used up."""
    if isinstance(later, Release):
        return covers(later.key, earlier.key)
    return isinstance(later, Consume) and later.against == earlier.key


def _of_release(later: Effect, earlier: Any, waited: bool) -> bool:
    """It was released since, or reserved anew; but a cancel that came before its booking waits for that."""
    if isinstance(later, Release):
        return covers(later.key, earlier.key)
    return isinstance(later, Reserve) and not waited and covers(earlier.key, later.key)


def _of_charge(later: Effect, earlier: Any, _: bool) -> bool:
    return isinstance(later, Credit) and later.reverses == earlier.key


def _of_credit(later: Effect, earlier: Any, waited: bool) -> bool:
    """All of it was taken back since, or it was charged anew; but a credit that came before its charge waits
    for that (docs/decisions/0012)."""
    if isinstance(later, Credit):
        return later.whole and later.reverses == earlier.reverses
    return isinstance(later, Charge) and not waited and later.key == earlier.reverses


def _of_consume(later: Effect, earlier: Any, waited: bool) -> bool:
    """It came back since; of what comes back: all of it did, or it was used anew."""
    if not isinstance(later, Consume):
        return False
    if not earlier.reverses:
        return bool(later.reverses) and covers(later.reverses, earlier.key)
    if later.reverses:
        return later.whole and covers(later.reverses, earlier.reverses)
    return not waited and covers(earlier.reverses, later.key)


def _of_merge(later: Effect, earlier: Any, _: bool) -> bool:
    """The same two were parted, or made one, since."""
    return isinstance(later, Merge | Unmerge) and (later.gone, later.into) == (earlier.gone, earlier.into)


_RULES: Final[dict[type[Any], Callable[[Effect, Any, bool], bool]]] = {
    Reserve: _of_reserve,
    Release: _of_release,
    Charge: _of_charge,
    Credit: _of_credit,
    Consume: _of_consume,
    Merge: _of_merge,
    Unmerge: _of_merge,
}
