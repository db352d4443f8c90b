"""Messages sent in pieces (HL7 v2.9.1 chapter 2, section 2.9.2; spec: ack, section 7.2).

A fragment says in DSC-1 which pointer the next one carries in its MSH-14; a segment may be broken at any
character, and goes on after `ADD|`. Which fragments belong together is decided by their pointers (keyed
digests, scoped to the sender, `engine.store`); what is not certain is not joined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from engine.errors import Unacceptable
from engine.hl7.header import EMPTY, Header, read_header
from engine.model import HeldFragment

__all__ = ["Pointers", "chains", "fold", "join", "pointers", "pointers_of"]

INTERACTIVE = "I"
"""DSC-2 of a query's answer that its asker continues at will: no fragment (table 0398)."""

_LINE_END = re.compile(rb"[\r\n]+")
_SAME = (9, 18)  # fields of MSH that fragments of one message share; the delimiters are compared too


class Pointers(NamedTuple):
    """What a fragment continues (MSH-14) and what continues it (DSC-1), as sent; empty for nothing."""

    follows: bytes
    leads: bytes

    def __repr__(self) -> str:
        return f"Pointers({len(self.follows)} bytes, {len(self.leads)} bytes)"


def pointers(header: Header, dsc: Sequence[str] | None, codec: str) -> Pointers | None:
    """The pointers of a message whose last DSC has the fields `dsc`; None when it is a whole message."""
    follows = _filled(header.continuation)
    leads = b""
    if dsc is not None and len(dsc) > 1 and (dsc[2].strip().upper() if len(dsc) > 2 else "") != INTERACTIVE:
        leads = _filled(dsc[1].encode(codec, "replace"))
    return Pointers(follows, leads) if follows or leads else None


def pointers_of(raw: bytes, header: Header | None) -> Pointers | None:
    """The same of a message that is not parsed, from its bytes."""
    if header is None:
        return None
    separator = header.delimiters.separator
    found = raw.rfind(b"DSC" + separator)
    dsc = None
    if found > 0 and raw[found - 1] in b"\r\n":
        dsc = _LINE_END.split(raw[found:], 1)[0].decode("latin-1").split(header.delimiters.field, 3)
    return pointers(header, dsc, "latin-1")


def fold(lines: Sequence[str]) -> list[str]:
    """The segments of a message with what stands in ADD appended to the segment before it, as it is.

    Raises `Unacceptable` (`structure`) for an ADD that has nothing to continue, and for one without text
    at which the message ends or another segment begins: the rest of that segment is missing."""
    kept: list[list[str]] = []
    adds, promised = 0, ""
    for line in lines:
        if line[:3] == "ADD":
            adds += 1
            place = f"ADD[{adds}]"
            if len(kept) < 2:  # MSH itself is never continued
                raise Unacceptable("structure", place, "there is no segment to continue", hl7=100)
            kept[-1].append(line[4:])
            promised = "" if len(line) > 4 else place
        elif promised:
            raise _broken_off(promised)
        else:
            kept.append([line])
    if promised:
        raise _broken_off(promised)
    return ["".join(parts) for parts in kept]


def join(fragments: Sequence[bytes], default_charset: str = "") -> bytes:
    """One message out of its fragments in order: the first one's MSH, everything else but the later MSH
    and the DSC; ADD stays, for reading the message to fold.

    Raises `Unacceptable` (`structure`) when they differ in delimiters, type or character set."""
    first = read_header(fragments[0], default_charset)
    whole: list[bytes] = []
    for number, raw in enumerate(fragments):
        header = read_header(raw, default_charset)
        _must_agree(first, header)
        lines = [line for line in _LINE_END.split(raw[header.start :]) if line]
        separator = header.delimiters.separator
        whole += [line for line in lines[1 if number else 0 :] if not line.startswith((b"DSC" + separator,))]
    return b"\r".join(whole) + b"\r"


def chains(held: Sequence[HeldFragment]) -> list[list[HeldFragment]]:
    """The fragments of one channel, each with those that certainly follow it: every list begins with a
    fragment that continues nothing, or that continues what is not (certainly) here.

    A fragment follows the one that came before it, not yet followed, whose pointer it carries; if
    there are several, none, for joining the wrong ones would mix two messages. If none came before, one
    that came after will do."""
    by_id = sorted(held, key=lambda one: one.message_id)
    open_: dict[bytes, list[HeldFragment]] = {}  # not yet followed, by what leads on from them, by id
    following: dict[int, HeldFragment] = {}
    late: list[HeldFragment] = []
    for one in by_id:
        before = open_.get(one.follows, []) if one.follows else []
        if len(before) == 1:
            following[before.pop().message_id] = one
        elif one.follows and not before:
            late.append(one)
        if one.leads:
            open_.setdefault(one.leads, []).append(one)
    for one in late:
        if (only := _only_after(one, open_.get(one.follows, []))) is not None:
            following[only.message_id] = one
    linked = {one.message_id for one in following.values()}
    found = [_walk(one, following) for one in by_id if one.message_id not in linked]
    reached = {one.message_id for chain in found for one in chain}
    return found + [[one] for one in by_id if one.message_id not in reached]  # rings without a beginning


def _only_after(one: HeldFragment, candidates: list[HeldFragment]) -> HeldFragment | None:
    """Take the one that came after `one` out of the candidates, by id, if it is the only one."""
    after = [other for other in candidates[-2:] if other.message_id > one.message_id]
    return candidates.pop() if len(after) == 1 else None


def _walk(one: HeldFragment, following: dict[int, HeldFragment]) -> list[HeldFragment]:
    chain = [one]
    while (after := following.get(chain[-1].message_id)) is not None:
        chain.append(after)
    return chain


def _must_agree(first: Header, other: Header) -> None:
    if (
        other.delimiters.encoding != first.delimiters.encoding
        or other.delimiters.field != first.delimiters.field
    ):
        raise _disagree("MSH-2")
    for number in _SAME:
        if other.field(number) != first.field(number):
            raise _disagree(f"MSH-{number}")


def _disagree(place: str) -> Unacceptable:
    return Unacceptable("structure", place, "the fragments of one message differ here", hl7=100)


def _broken_off(place: str) -> Unacceptable:
    return Unacceptable("structure", place, "the rest of the segment is missing", hl7=100)


def _filled(value: bytes) -> bytes:
    stripped = value.strip()
    return b"" if stripped in EMPTY else stripped
