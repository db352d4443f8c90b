"""Merge: what stood under the token that is gone is re-pointed to the one that stays.

A person's visits and what else hangs below the contact move to the survivor; a visit's open
transfers and draft orders do. The contact that is gone is archived below its survivor: that is how
later effects for the old token find the new one, and why doing it again changes nothing. What is to be
moved is written down first: taking the merge back moves exactly that (`unmerges`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo import contacts
from engine.destinations.odoo.contacts import Contact
from engine.destinations.odoo.moved import MOVED, Moved, read_moved
from engine.destinations.odoo.work import Row, Site

__all__ = ["MODELS", "Documents", "collide", "merge", "rewrite"]

Rows = Sequence[Row[effects.Merge]]
Documents = dict[str, list[dict[str, Any]]]
"""Rows of Odoo by model."""

_OPEN = ["draft", "waiting", "confirmed", "assigned"]
_PLACES = ["location_id", "location_dest_id"]

MODELS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "sale.order": (["draft", "sent"], ["client_order_ref"], []),
    "stock.picking": (_OPEN, _PLACES, _PLACES),
}
"""Whose documents follow a contact: in which states, what is read of them, and what is written with the
partner. Odoo makes a transfer's places those of its type when the partner changes."""


def collide(a: Row[Any], b: Row[Any]) -> bool:
    """Whether two of `Merge`, `Unmerge` and `Encounter` speak of the same contact: then order matters."""
    return bool(_tokens(a.effect) & _tokens(b.effect))


def merge(site: Site, rows: Rows) -> None:
    """Carry out the `Merge` effects of one company that do not speak of the same contacts."""
    known = contacts.find(site, [token for row in rows for token in (row.effect.gone, row.effect.into)])
    for row in rows:
        effect = row.effect
        gone = known.get(effect.gone)
        if effect.gone == effect.into:
            row.notes.append("both are the same already")
        elif gone is None:
            row.notes.append("nothing stood under the token that is gone")
        else:
            into = known.get(effect.into) or _survivor(site, row, gone)
            if into is not None:
                _repoint(site, row, gone, into)
        row.stand()


def rewrite(site: Site, model: str, found: Sequence[dict[str, Any]], vals: dict[str, Any]) -> None:
    """Write the same into documents, together with the places that each keeps."""
    kept = MODELS[model][2]
    alike: dict[tuple[int, ...], list[int]] = {}
    for document in found:
        alike.setdefault(tuple(document[field][0] for field in kept), []).append(document["id"])
    for values, ids in alike.items():
        full = {**vals, **dict(zip(kept, values, strict=True))}
        site.client.call(model, "write", ids=ids, context=site.context, vals=full)


def _tokens(effect: effects.EffectBase) -> set[str]:
    if isinstance(effect, effects.Merge | effects.Unmerge):
        return {effect.gone, effect.into}
    if isinstance(effect, effects.Encounter):
        return {effect.key, effect.subject} - {""}
    return set()


def _survivor(site: Site, row: Row[effects.Merge], gone: Contact) -> Contact | None:
    """The contact that stays did not stand yet: made, below the same person for a visit."""
    parent = gone.parent if row.effect.kind == "visit" and gone.active else 0
    made = contacts.make(site, {row.effect.into: parent})[row.effect.into]
    if not isinstance(made, int):
        row.fail(made)
        return None
    return Contact(made, row.effect.into, parent, True, (), "")


def _repoint(site: Site, row: Row[effects.Merge], gone: Contact, into: Contact) -> None:
    """Move what hangs on the contact, then archive it: each step may be repeated, and the contact
    is archived last, so that an interrupted merge is seen as one that is still to be done."""
    target = into.survivor
    row.documents[contacts.MODEL] = str(target)
    if target == gone.id:
        row.notes.append("the survivor was merged into this one before")
        return
    client, context = site.client, site.context
    everything = {**context, "active_test": False}
    below = client.search_read(contacts.MODEL, [("parent_id", "=", gone.id)], ["id"], context=everything)
    children = [child["id"] for child in below if child["id"] != target]
    found = _documents(site, gone)
    _note(site, row, gone, children, found)
    if children:
        client.call(contacts.MODEL, "write", ids=children, context=context, vals={"parent_id": target})
    for model, documents in found.items():
        vals: dict[str, Any] = {"partner_id": target}
        if model == "sale.order" and row.effect.kind == "visit":
            vals["client_order_ref"] = row.effect.into
        rewrite(site, model, documents, vals)
        row.documents[model] = ",".join(str(document["id"]) for document in documents)
    if gone.active or gone.parent != target:
        vals = {"parent_id": target, "active": False}
        client.call(contacts.MODEL, "write", ids=[gone.id], context=context, vals=vals)


def _documents(site: Site, gone: Contact) -> Documents:
    """Draft orders and open transfers that are made out to the contact."""
    found: Documents = {}
    for model, (states, fields, _) in MODELS.items():
        domain = [("partner_id", "=", gone.id), ("state", "in", states)]
        rows = site.client.search_read(model, domain, ["id", *fields], context=site.context)
        if rows:
            found[model] = rows
    return found


def _note(site: Site, row: Row[effects.Merge], gone: Contact, children: list[int], found: Documents) -> None:
    """Write down what is about to be moved, with what an earlier attempt moved."""
    before = read_moved(row.delivery.progress)
    now = Moved(
        gone.parent if gone.active else 0,
        tuple(children),
        {model: tuple(document["id"] for document in documents) for model, documents in found.items()},
        {one["id"]: one["client_order_ref"] or "" for one in found.get("sale.order", ())},
    )
    whole = now if before is None else before.and_then(now)
    if whole != before:
        site.note({row.delivery.id: {MOVED: msgspec.json.encode(whole).decode()}})
