"""When each channel could be heard, as the doors say it look after look: who did not listen does not know
whether anybody spoke."""

from __future__ import annotations

from collections.abc import Mapping

from engine.alerting.watch import Listening

__all__ = ["listened"]

_KEPT = 30
"""Times of not listening that are remembered."""


def listened(
    before: Mapping[str, Listening], doors: Mapping[str, bool], *, now: float, began: float, ended: float
) -> dict[str, Listening]:
    """How it stands after a look at which doors are open. This engine `began` to listen then; the one before
    it was heard of last at `ended` (0: there was none). A door that is not spoken of stands as it did."""
    return {
        **before,
        **{
            channel: _after(before.get(channel), is_open, now, began, ended)
            for channel, is_open in doors.items()
        },
    }


def _after(before: Listening | None, is_open: bool, now: float, began: float, ended: float) -> Listening:
    if before is None:
        away = ((ended, began),) if 0 < ended < began else ()
        return Listening(is_open, began if is_open else now, away)
    if before.open == is_open:
        return before
    if not is_open:
        return Listening(False, now, before.away)
    return Listening(True, now, (*before.away, (before.since, now))[-_KEPT:])
