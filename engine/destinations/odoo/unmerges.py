"""Unmerge: a merge was wrong, and what it moved goes back.

The contact stands again, and what the merge wrote down that it moved is made out to it again, if it still is
where the merge left it: what was moved on since, by another merge or by a person, stays there, and so does a
document that was confirmed meanwhile. Each step looks before it writes, so that it may be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from engine import effects
from engine.destinations.odoo import contacts
from engine.destinations.odoo.contacts import Contact
from engine.destinations.odoo.merges import MODELS, rewrite
from engine.destinations.odoo.moved import Moved, read_moved
from engine.destinations.odoo.work import Row, Site

__all__ = ["unmerge"]

Rows = Sequence[Row[effects.Unmerge]]

_FROM: Final = "from"
"""In the progress: the contact that stood for this one, which is not seen any more when this one stands."""


def unmerge(site: Site, rows: Rows) -> None:
    """Carry out the `Unmerge` effects of one company that do not speak of the same contacts."""
    known = contacts.find(site, [token for row in rows for token in (row.effect.gone, row.effect.into)])
    for row in rows:
        gone = known.get(row.effect.gone)
        if gone is None:
            row.notes.append("nothing stood under the token that was gone")
        else:
            _restore(site, row, gone, known.get(row.effect.into))
        row.stand()


def _restore(site: Site, row: Row[effects.Unmerge], gone: Contact, into: Contact | None) -> None:
    moved = read_moved(row.delivery.progress)
    if moved is None:
        row.notes.append("the merge had moved nothing, or a version that did not write it down had made it")
        moved = Moved()
    holders = _holders(site, row, gone, into)
    row.documents[contacts.MODEL] = str(gone.id)
    if not gone.active:
        vals = {"active": True, "parent_id": _standing(site, moved.parent) or False}
        site.client.call(contacts.MODEL, "write", ids=[gone.id], context=site.context, vals=vals)
    left = _contacts_back(site, gone, moved.contacts, holders)
    for model, ids in moved.documents.items():
        left += _documents_back(site, row, gone, model, ids, holders, moved)
    if left:
        row.notes.append(f"{left} of what it moved have gone on since and stay where they are")


def _standing(site: Site, contact: int) -> int:
    """The contact that stands for the one above by now; 0 for none."""
    everything = {**site.context, "active_test": False}
    fields = ["active", "parent_id"]
    domain = [("id", "=", contact)]
    found = site.client.search_read(contacts.MODEL, domain, fields, context=everything) if contact else []
    for one in found:
        return contact if one["active"] or not one["parent_id"] else int(one["parent_id"][0])
    return 0


def _holders(site: Site, row: Row[effects.Unmerge], gone: Contact, into: Contact | None) -> set[int]:
    """The contacts that may hold what was moved: the one that stands for `gone`, written down before that can
    no longer be seen, and the one that stands for `into`."""
    noted = row.delivery.progress.get(_FROM, "")
    if not noted and not gone.active and gone.parent:
        noted = str(gone.parent)
        site.note({row.delivery.id: {_FROM: noted}})
    holders = {int(noted)} if noted else set[int]()
    if into is not None:
        holders |= {into.id, into.survivor}
    return holders - {gone.id}


def _contacts_back(site: Site, gone: Contact, ids: Collection[int], holders: set[int]) -> int:
    """Contacts go below theirs again; how many do not, for they lie elsewhere by now."""
    if not ids:
        return 0
    everything = {**site.context, "active_test": False}
    domain = [("id", "in", sorted(ids))]
    found = site.client.search_read(contacts.MODEL, domain, ["parent_id"], context=everything)
    above = {child["id"]: child["parent_id"][0] if child["parent_id"] else 0 for child in found}
    back = sorted(child for child, parent in above.items() if parent in holders)
    if back:
        vals = {"parent_id": gone.id}
        site.client.call(contacts.MODEL, "write", ids=back, context=site.context, vals=vals)
    return sum(parent not in holders and parent != gone.id for parent in above.values())


def _documents_back(
    site: Site,
    row: Row[effects.Unmerge],
    gone: Contact,
    model: str,
    ids: Collection[int],
    holders: set[int],
    moved: Moved,
) -> int:
    """Documents that are still open are made out to the contact again; how many are not."""
    states, fields, _ = MODELS[model]
    domain = [("id", "in", sorted(ids))]
    wanted = ["partner_id", "state", *fields]
    found = site.client.search_read(model, domain, wanted, context=site.context)
    theirs = [one for one in found if one["partner_id"] and one["partner_id"][0] in holders]
    back = [one for one in theirs if one["state"] in states]
    for name, some in _by_name(model, row, back, moved).items():
        vals: dict[str, Any] = {"partner_id": gone.id}
        if name is not None:
            vals["client_order_ref"] = name
        rewrite(site, model, some, vals)
    if back:
        row.documents[model] = ",".join(str(one["id"]) for one in back)
    return len([one for one in found if one["partner_id"] and one["partner_id"][0] != gone.id]) - len(back)


def _by_name(
    model: str, row: Row[effects.Unmerge], found: Sequence[dict[str, Any]], moved: Moved
) -> dict[str | None, list[dict[str, Any]]]:
    """Orders by the reference that they had, where the merge changed it."""
    named = model == "sale.order" and row.effect.kind == "visit"
    by_name: dict[str | None, list[dict[str, Any]]] = {}
    for one in found:
        by_name.setdefault(moved.names.get(one["id"]) if named else None, []).append(one)
    return by_name
