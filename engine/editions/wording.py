"""What an edition would change, in business words."""

from __future__ import annotations

from typing import Final

from engine.editions.comparing import FATE
from engine.editions.impact import Channel, Group

__all__ = ["headline", "pairs", "sentence"]

_NOUNS: Final = {
    "reserve": "reservation", "release": "release of a reservation", "consume": "use", "charge": "charge",
    "credit": "credit", "procure": "procurement", "encounter": "visit", "merge": "merge",
    "unmerge": "undone merge", "product": "item record", "offer": "vendor's offer", "price": "list price",
    "stocking": "reordering rule", "lot": "lot", "forward": "message passed on",
}  # fmt: skip
_PLURALS: Final = {"release": "releases of reservations", "forward": "messages passed on"}
_FIELDS: Final = {
    "destination": "location", "source": "the location it comes from", "needed_at": "the time it is needed",
    "needed_on": "the day it is needed", "cost_centre": "cost centre", "used_on": "the day of use",
    "subject": "whose it is", "vendor_code": "the vendor's code", "code": "item",
}  # fmt: skip


def headline(channel: Channel) -> str:
    """How much of a channel would be otherwise."""
    of = f"of {_messages(channel.compared)} compared" if channel.compared else "no message to compare"
    said = f"{channel.other} {of}" if channel.compared else of
    gone = channel.messages - channel.compared - channel.pieces
    more = [f"{channel.pieces} in pieces left out"] * bool(channel.pieces)
    more += [f"{gone} whose content is gone"] * bool(gone)
    return f"{channel.name} ({channel.what}): {', '.join([said, *more])}"


def sentence(group: Group) -> str:
    """One thing that would be otherwise: `12 reservations change location`."""
    if group.about == FATE:
        return _of_message(group)
    some = _count(group.count, _NOUNS.get(group.about, group.about), _PLURALS.get(group.about, ""))
    one = group.count == 1
    if group.what in ("made", "gone"):
        said = (
            f"made that {'was' if one else 'were'} not before"
            if group.what == "made"
            else "not made any more"
        )
        return f"{some} {'is' if one else 'are'} {said}"
    return f"{some} change{'s' if one else ''} {_FIELDS.get(group.what, group.what.replace('_', ' '))}"


def pairs(group: Group) -> list[str]:
    """Which values take the place of which, most often first: `WH/Wards/ICU → WH/Wards/IMC (12)`."""
    if group.about == FATE:
        return []
    shown = [f"{one.before} → {one.after} ({one.count})" for one in group.pairs]
    left = group.count - sum(one.count for one in group.pairs)
    return [*shown, f"and {left} more"] if shown and left > 0 else shown


def _of_message(group: Group) -> str:
    some, pair = _messages(group.count), group.pairs[0]
    one = group.count == 1
    if group.what == "answer":
        return f"{some} {'is' if one else 'are'} answered {pair.after} instead of {pair.before}"
    if group.what in ("warning", "no warning"):
        word = "gets" if one else "get"
        return f"{some} {word if group.what == 'warning' else 'no longer ' + word} the warning: {pair.after}"
    return f"{some} {_fate(pair.before, pair.after, one=one)}"


def _fate(before: str, after: str, *, one: bool) -> str:
    """What becomes of messages that was not so before."""
    was, _, why_before = before.partition(": ")
    becomes, _, why = after.partition(": ")
    if becomes == "effects":
        return f"that {'was' if one else 'were'} {_was(was, why_before)} now pass{'es' if one else ''}"
    said = {
        "dead": f"{'becomes a dead letter' if one else 'become dead letters'}: {why}",
        "refused": f"{'is' if one else 'are'} refused at the door: {why}",
        "filtered": f"{'has' if one else 'have'} no effect any more: {why}",
        "untaken": "would be taken by no channel",
        "piece": f"{'is' if one else 'are'} pieces of others",
    }[becomes]
    return f"{said} (before: {_was(was, why_before)})" if was != "effects" else said


def _was(state: str, why: str) -> str:
    said = {
        "dead": "a dead letter", "refused": "refused at the door", "filtered": "without effect",
        "untaken": "taken by no channel", "piece": "a piece of another",
    }[state]  # fmt: skip
    return f"{said} ({why})" if why else said


def _messages(count: int) -> str:
    return _count(count, "message")


def _count(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
