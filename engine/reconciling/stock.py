"""Reservations and consumptions held against transfers. Reads; what differs is pure arithmetic.

What became of a reservation in the store is no gap: handed out, in parts, what is left in a backorder, used
up by a consumption. What a person cancelled, or set otherwise, is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from engine import effects
from engine.destinations.odoo.names import external, generation_of
from engine.destinations.odoo.transfers import Move, Transfer, instant
from engine.destinations.odoo.work import Site
from engine.errors import Unacceptable
from engine.reconciling.amounts import Amounts, alike, asked_for, differences_of, moved_by, total_of
from engine.reconciling.expecting import Wanted
from engine.reconciling.finding import gap_of
from engine.reconciling.standing import Standing
from engine.reconciling.words import Difference, Gap, GapKind

__all__ = ["Moved", "check_stock"]

MODEL = "stock.picking"


class Moved(NamedTuple):
    """A reservation or consumption, the transfers that stand for it, and how much of each product (id) it
    should have and has, in the product's own unit (None: not known from here)."""

    wanted: Wanted
    transfers: tuple[Transfer, ...]
    said: Amounts | None
    found: Amounts


class _Page(NamedTuple):
    """What was read for a page of documents."""

    site: Site
    by_key: dict[str, list[Transfer]]
    loose: dict[str, list[Move]]  # done moves by the consumption that took them
    back: Mapping[int, Decimal]  # what came back by hand, by move
    reversed: Mapping[int, Decimal]  # what messages brought back
    partners: Mapping[int, str]


def check_stock(
    standing: Standing, site: Site, some: Sequence[Wanted], survivors: Mapping[str, str]
) -> tuple[list[Moved], list[Gap]]:
    """Reservations and consumptions of one company, a page of them. Raises as `OdooClient` does."""
    page = _read(standing, site, some)
    moved: list[Moved] = []
    gaps: list[Gap] = []
    for one in some:
        reserves = isinstance(one.effect, effects.Reserve)
        done, found = _reservation(page, one, survivors) if reserves else _consumption(page, one)
        moved.append(done)
        gaps += found
    return moved, gaps + _doubles(page, some)


def _read(standing: Standing, site: Site, some: Sequence[Wanted]) -> _Page:
    codes = {item.code for one in some for item in getattr(one.effect, "items", ())}
    words = ("source", "destination", "location")
    places = {getattr(one.effect, word, "") for one in some for word in words}
    places |= {site.connection.source_location}
    site.catalogue.prepare(site.company, codes, places - {""})
    keys = {one.key for one in some} | {getattr(one.effect, "against", "") for one in some} - {""}
    found = standing.transfers(site, keys, {number for one in some for number in one.ids.get(MODEL, ())})
    by_key: dict[str, list[Transfer]] = defaultdict(list)
    loose: dict[str, list[Move]] = defaultdict(list)
    ids = {number: one.key for one in some for number in one.ids.get(MODEL, ())}
    for transfer in found:
        by_key[transfer.origin].append(transfer)
        named = ids.get(transfer.id, transfer.origin)
        if named != transfer.origin and transfer.name:  # its origin was changed by hand
            by_key[named].append(transfer)
        for move in transfer.moves:
            if move.state == "done" and move.origin:
                loose[move.origin].append(move)
    done = [move.id for transfer in found for move in transfer.moves if move.state == "done"]
    back: dict[bool, dict[int, Decimal]] = {True: {}, False: {}}
    for one in standing.taken_back(site, done) if done else ():
        back[one.ours][one.move] = back[one.ours].get(one.move, Decimal(0)) + one.quantity
    partners = standing.references({transfer.partner for transfer in found} - {0})
    return _Page(site, by_key, loose, back[False], back[True], partners)


# Reservations


def _reservation(page: _Page, one: Wanted, survivors: Mapping[str, str]) -> tuple[Moved, list[Gap]]:
    mine = _lives(page.by_key.get(one.key, []), one.key)
    alive = [transfer for transfer in mine if transfer.state != "cancel"]
    if one.released:
        still = [transfer for transfer in alive if transfer.state != "done"]
        text = "stands open in Odoo, though it was released"
        gaps = [gap_of(one, GapKind.CHANGED, text, MODEL, _ids(still), advice="cancel it in Odoo")]
        return Moved(one, tuple(alive), None, {}), gaps if still else []
    said = asked_for(page.site, one.effect.items)
    have = moved_by(alive)
    moved = Moved(one, tuple(alive), said, have)
    if not mine:
        text = "its transfer is not in Odoo any more"
        return moved, [gap_of(one, GapKind.MISSING, text, MODEL, mend="again")]
    if not alive:
        text = "its transfer was cancelled in Odoo, and no message released it"
        return moved, [_cancelled(one, text, mine)]
    gaps = _amounts(page, one, mine, alive, said)
    differences = [
        d for transfer in alive if not transfer.over for d in _head(page, one, transfer, survivors)
    ]
    if differences:
        gaps.append(_changed(one, alive, list(dict.fromkeys(differences)), restorable=True))
    return moved, gaps


def _lives(found: Sequence[Transfer], key: str) -> list[Transfer]:
    """The reservation's transfers, and what Odoo split off them."""
    base = external("reserve", key)
    ours = {transfer.id for transfer in found if generation_of(base, transfer.name)}
    while more := {t.id for t in found if t.backorder_of in ours} - ours:
        ours |= more
    return [transfer for transfer in found if transfer.id in ours]


def _amounts(
    page: _Page, one: Wanted, mine: Sequence[Transfer], alive: Sequence[Transfer], said: Amounts | None
) -> list[Gap]:
    """Whether as much is held or handed out as is wanted. What came back by a message may count or not: a
    later wish replaces it, a mere return does not."""
    if said is None:
        return []
    whole = moved_by(alive)
    if alike(said, whole) or alike(said, moved_by(alive, page.reversed)):
        return []
    differences = differences_of(page.site, said, whole)
    lost = [d for d in differences if Decimal(d.found) < Decimal(d.said)]
    gone = any(t.state == "cancel" for t in mine) or any(m.state == "cancel" for t in alive for m in t.moves)
    if lost and len(lost) == len(differences) and gone:
        return [_cancelled(one, "a part of it was cancelled in Odoo", mine, lost)]
    return [_changed(one, alive, differences, restorable=True)]


def _head(page: _Page, one: Wanted, transfer: Transfer, survivors: Mapping[str, str]) -> list[Difference]:
    """Places, time and whose it is, of a transfer that is still open."""
    effect = one.effect
    found: list[Difference] = []
    source = effect.source or page.site.connection.source_location
    for field, name, stands in (
        ("source", source, transfer.source), ("destination", effect.destination, transfer.destination)
    ):  # fmt: skip
        try:
            if page.site.catalogue.location(page.site.company, name).id != stands:
                found.append(Difference(field, name, ""))
        except Unacceptable:  # the place is called otherwise since
            continue
    planned = instant(effect.needed_on or effect.needed_at)
    if planned and transfer.name and transfer.planned != planned:
        found.append(Difference("time", planned, transfer.planned))
    whose = {name for name in (effect.encounter or effect.subject, effect.subject) if name}
    whose |= {survivors[name] for name in whose if name in survivors}
    if whose and page.partners.get(transfer.partner, "") not in whose:
        found.append(Difference("whose", "", ""))
    return found


# Consumptions


def _consumption(page: _Page, one: Wanted) -> tuple[Moved, list[Gap]]:
    effect = one.effect
    name = external("consume", one.key)
    own = [transfer for transfer in page.by_key.get(one.key, []) if transfer.name == name]
    done = [move for transfer in own for move in transfer.moves if move.state == "done"]
    done += [move for move in page.loose.get(one.key, []) if move not in done]
    said = None if effect.whole else asked_for(page.site, effect.items)
    found = total_of(done)
    moved = Moved(one, tuple(own), said, found)
    if not own and not done:
        text = "its transfer is not in Odoo any more"
        return moved, [gap_of(one, GapKind.MISSING, text, MODEL, mend="again")]
    if not done:
        return moved, [_cancelled(one, "its transfer was cancelled in Odoo", own, mend=False)]
    back = {move.id: page.back[move.id] for move in done if move.id in page.back}
    gaps: list[Gap] = []
    if back:
        kept = total_of(done, back)
        gaps.append(_taken_back(page, one, done, found, kept))
        found = kept
    elif said is not None and not alike(said, found):
        gaps.append(_changed(one, own, differences_of(page.site, said, found), restorable=False))
    return moved._replace(found=found), gaps


def _taken_back(page: _Page, one: Wanted, done: Sequence[Move], had: Amounts, kept: Amounts) -> Gap:
    return gap_of(
        one, GapKind.CANCELLED, "goods of it came back in Odoo alone", MODEL,
        sorted({move.picking for move in done}), differences_of(page.site, had, kept),
        advice="ask who took them back: let the sender cancel the use, or undo the return in Odoo",
    )  # fmt: skip


# Both


def _doubles(page: _Page, some: Sequence[Wanted]) -> list[Gap]:
    """Transfers that say to come of a key, and are none of Wardline's: somebody copied one."""
    gaps: list[Gap] = []
    seen: set[int] = set()
    for one in some:
        found = page.by_key.get(one.key, [])
        ours = {t.id for t in _lives(found, one.key)} | {t.id for t in found if t.name}
        for transfer in found:
            if transfer.id in ours | seen or transfer.state == "cancel":
                continue
            seen.add(transfer.id)
            still = not transfer.over
            gaps.append(
                gap_of(
                    one, GapKind.DOUBLED, "a second transfer says the same, and no message asked for it",
                    MODEL, [transfer.id], mend="cancel" if still else "",
                    advice="" if still else "its goods have moved: return them in Odoo",
                )
            )  # fmt: skip
    return gaps


def _cancelled(
    one: Wanted,
    text: str,
    found: Iterable[Transfer],
    differences: Sequence[Difference] = (),
    *,
    mend: bool = True,
) -> Gap:
    advice = "ask who cancelled it: nothing is reserved again unless it is asked for"
    if not mend:
        advice = "ask who cancelled it; replay the message when it was a mistake"
    return gap_of(
        one, GapKind.CANCELLED, text, MODEL, _ids(found), differences, mend="again" if mend else "",
        asked=mend, advice=advice,
    )  # fmt: skip


def _changed(
    one: Wanted, found: Iterable[Transfer], differences: Sequence[Difference], *, restorable: bool
) -> Gap:
    return gap_of(
        one, GapKind.CHANGED, "its transfer says something else than the message", MODEL, _ids(found),
        differences, mend="restore" if restorable else "", asked=restorable,
        advice="ask who changed it: nothing is changed back unless it is asked for",
    )  # fmt: skip


def _ids(transfers: Iterable[Transfer]) -> list[int]:
    return sorted({transfer.id for transfer in transfers})
