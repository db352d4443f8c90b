"""Groups: one repeating segment and what belongs to it, read as if it were a message of its own.

`groups(document, "FT1")` gives one `Group` per FT1. Inside a group a segment id is looked up

1. in the group: from its anchor up to the next segment with the same id, or to the next one that
   opens an enclosing group (an AIS ends at the next AIS or RGS);
2. in the enclosing groups, inner before outer, up to their first inner group (the ORC above this
   RQD). Appointment resources (AIS, AIG, AIL, AIP) stand side by side: one that the group does not
   hold itself is looked up in the whole RGS around it, or in the message when there is no RGS;
3. in the message before the first group (PID, PV1), and after the last charge in what a DFT^P03
   says of all charges together (DG1, DRG, GT1, IN1, ACC; HL7 v2.9.1 chapter 6, section 6.4.3);
4. for what a message says once of its patient and visit, anywhere: senders write PID behind FT1.

A message about several patients (two PID in an A17, many in an ORU) has a group for each, and its visits,
charges, orders and results belong to the PID before them; an appointment's resources serve all of them.

So what belongs to another group is never read. The first of these places that holds the id at all
answers for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from engine.hl7.document import Document, Fields
from engine.hl7.path import Path
from engine.hl7.reading import Reading

__all__ = ["Group", "groups"]

Span = tuple[int, int]
"""Segment positions: from the first up to, but not including, the second."""

Place = tuple[tuple[Span, ...], Span]
"""Where a group looks for segments, in this order, and where for appointment resources."""

SHAPES = 256  # of messages, that are remembered
LONGEST_SHAPE = 60  # segments of one that is
LONGEST_TYPE = 32  # bytes of its MSH-9

RESOURCES = frozenset({"AIS", "AIG", "AIL", "AIP"})

OPENERS = {
    **dict.fromkeys(RESOURCES, "RGS"),
    **dict.fromkeys(("RQD", "RQ1", "RXO", "RXE", "RXD", "RXG", "RXA", "ODS", "TQ1", "OBR"), "ORC"),
    **dict.fromkeys(("CDM", "PRC", "IIM", "ITM", "LOC"), "MFE"),
    **dict.fromkeys(("STZ", "VND", "IVT"), "ITM"),
    "PKG": "VND",
    "ILT": "IVT",
    "OBX": "OBR",
    "PR1": "FT1",
    "MRG": "PID",
}
"""Which segment opens the group that the first stands in."""

CHARGE_OPENERS = OPENERS | {"ORC": "FT1"}  # DFT: orders stand within their charge
ORDER_OPENERS = OPENERS | {"FT1": "ORC"}  # RDS and others: charges stand within their order

_OF_NO_PATIENT = frozenset({"PID", "RGS", "MFE"})

ABOUT_THE_MESSAGE = frozenset({"EVN", "PID", "PD1", "PV1", "PV2", "SCH", "MFI"})

ABOUT_ALL_CHARGES = ("DG1", "DRG", "GT1", "IN1", "ACC")


class Group(Reading):
    """The `number`-th (from 1) group of the segment `anchor`."""

    __slots__ = ("_document", "_own", "_resources", "_spans", "anchor", "known", "number")

    def __init__(
        self, document: Document, anchor: str, number: int, place: Place, known: dict[frozenset[str], bool]
    ) -> None:
        spans, resources = place
        self.codec, self.delimiters, self.quirks = document.codec, document.delimiters, document.quirks
        self.warnings = document.warnings
        self.anchor = anchor
        self.number = number
        self.known = known
        self._document = document
        self._own = document.fields(spans[0][0])
        self._spans = spans
        self._resources = resources

    @property
    def whole(self) -> Document:
        """The message that the group is of."""
        return self._document

    def __repr__(self) -> str:
        return f"Group({self.anchor}[{self.number}])"

    def first(self, segment: str) -> Fields | None:
        """The fields of the first segment of this id that the group can see, or None."""
        if segment == self.anchor:
            return self._own
        if segment == "MSH":  # stands before every group
            return self._document.first(segment)
        found = self.positions(segment)
        return self._document.fields(found[0]) if found else None

    def nth(self, segment: str, occurrence: int) -> Fields | None:
        """The fields of the `occurrence`-th (from 1) such segment, or None."""
        found = self.positions(segment)
        return self._document.fields(found[occurrence - 1]) if occurrence <= len(found) else None

    def all(self, segment: str) -> list[Fields]:
        """The fields of every such segment, in order."""
        return [self._document.fields(position) for position in self.positions(segment)]

    def place(self, path: Path) -> str:
        """The path as an error names it: with the segment's number in the message, `FT1[2]-10`."""
        found = self.positions(path.segment)
        if len(found) < path.occurrence:
            return path.text
        number = bisect_right(self._document.positions(path.segment), found[path.occurrence - 1])
        return f"{path.segment}[{number}]-{path.text.partition('-')[2]}"

    def positions(self, segment: str) -> Sequence[int]:
        """Where the segments of this id stand that the group can see."""
        positions = self._document.positions(segment)
        if not positions:
            return positions
        spans = self._spans
        if self.anchor in RESOURCES and segment in RESOURCES:
            spans = (spans[0], self._resources)
        for start, end in spans:
            low = bisect_left(positions, start)
            if low < len(positions) and positions[low] < end:
                return positions[low : bisect_left(positions, end, low)]
        if len(positions) == 1 and segment in ABOUT_THE_MESSAGE and len(self._document.positions("PID")) < 2:
            return positions
        return ()

    def common(self, segment: str) -> bool:
        """Whether the message and all groups of this anchor see the same segments of this id, because
        they all stand before the first group (or there are none): what is read there need not be
        read again for each group."""
        positions = self._document.positions(segment)
        head = self._spans[-2][1]
        return not positions or (positions[-1] < head and segment not in RESOURCES)


class _Plan(NamedTuple):
    """Where the groups of an anchor stand in every message of one shape, and which segments are common."""

    places: tuple[Place, ...]
    known: dict[frozenset[str], bool]


_plans: dict[tuple[str, bytes, bytes, tuple[str, ...]], _Plan] = {}


def groups(document: Document, anchor: str) -> list[Group]:
    """A group for every segment with the id `anchor`, in order. A feed's messages have few shapes, so where
    the groups stand in them is remembered."""
    if not document.positions(anchor):
        return []
    header = document.header
    key = (anchor, header.field(9), header.delimiters.encoding, document.shape)
    plan = _plans.get(key)
    if plan is None:
        plan = _Plan(_places(document, anchor), {})
        if len(document) <= LONGEST_SHAPE and len(key[1]) <= LONGEST_TYPE:
            if len(_plans) >= SHAPES:
                _plans.clear()
            _plans[key] = plan
    return [Group(document, anchor, number, place, plan.known) for number, place in enumerate(plan.places, 1)]


def _places(document: Document, anchor: str) -> tuple[Place, ...]:
    anchors = document.positions(anchor)
    chain = _chain(document, anchor)
    levels = [document.positions(name) for name in chain]
    size = len(document)
    tail = _tail(document) if "FT1" in chain and chain[-1] != "PID" else size
    around: tuple[Span, ...] = ((0, min(level[0] for level in levels if level)), (tail, size))
    if len(levels) == 1:  # no group around: each ends where the next begins
        ends = (*anchors[1:], tail)
        return tuple([((span, *around), (0, 0)) for span in zip(anchors, ends, strict=True)])
    beside = anchor in RESOURCES
    found = []
    for position in anchors:
        spans = (*_spans(levels, position, tail), *around)
        found.append((spans, _whole(levels[1], position, size) if beside else (0, 0)))
    return tuple(found)


def _chain(document: Document, anchor: str) -> list[str]:
    """The anchor and the segments that open groups around it, inner first."""
    openers = CHARGE_OPENERS if document.header.type == "DFT" else ORDER_OPENERS
    chain = [anchor]
    while chain[-1] in openers:
        chain.append(openers[chain[-1]])
    if chain[-1] not in _OF_NO_PATIENT and len(document.positions("PID")) > 1:
        chain.append("PID")
    return chain


def _spans(levels: list[Sequence[int]], position: int, last: int) -> list[Span]:
    """The group at `position` and, for each group around it, the part before its first inner group."""
    end = min(_next(level, position, last) for level in levels)
    spans, floor = [(position, end)], 0
    outer: list[Span] = []
    for depth in range(len(levels) - 1, 0, -1):
        at = bisect_right(levels[depth], position) - 1
        if at < 0 or levels[depth][at] < floor:
            continue
        floor = levels[depth][at]
        outer.append((floor, min(_next(level, floor, last) for level in levels[:depth])))
    return spans + outer[::-1]


def _whole(around: Sequence[int], position: int, size: int) -> Span:
    """The whole group around `position`, by the segments that open such groups, or the whole message."""
    at = bisect_right(around, position) - 1
    return (around[at] if at >= 0 else 0, _next(around, position, size))


def _next(positions: Sequence[int], position: int, last: int) -> int:
    at = bisect_right(positions, position)
    return positions[at] if at < len(positions) else last


def _tail(document: Document) -> int:
    """Where a DFT^P03 begins to speak of all charges together. In a DFT^P11, and where a sender
    repeats such a segment within the charges, it belongs to its charge."""
    charges, size = document.positions("FT1"), len(document)
    found = [positions for name in ABOUT_ALL_CHARGES if (positions := document.positions(name))]
    if not charges or not found or document.header.event == "P11":
        return size
    starts = [size]
    for positions in found:
        at = bisect_right(positions, charges[-1])
        if at < len(positions) and bisect_left(positions, charges[0]) == at:
            starts.append(positions[at])
    return min(starts)
