"""Merge: what stood under the token that is gone is re-pointed to the one that stays.

A person's visits and what else hangs below the contact move to the survivor; a visit's open
transfers and draft orders do. The contact that is gone is archived below its survivor: that is how
later effects for the old token find the new one, and why doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import effects
from engine.destinations.odoo import contacts
from engine.destinations.odoo.contacts import Contact
from engine.destinations.odoo.work import Row, Site

__all__ = ["collide", "merge"]

Rows = Sequence[Row[effects.Merge]]


def collide(a: Row[Any], b: Row[Any]) -> bool:
    """Whether two of `Merge` and `Encounter` speak of the same contact: then order matters."""
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


def _tokens(effect: effects.EffectBase) -> set[str]:
    if isinstance(effect, effects.Merge):
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
    if children:
        client.call(contacts.MODEL, "write", ids=children, context=context, vals={"parent_id": target})
    _move_documents(site, row, gone, target)
    if gone.active or gone.parent != target:
        vals = {"parent_id": target, "active": False}
        client.call(contacts.MODEL, "write", ids=[gone.id], context=context, vals=vals)


def _move_documents(site: Site, row: Row[effects.Merge], gone: Contact, target: int) -> None:
    """Draft orders and open transfers of the one now belong to the other.

    A transfer's places are written with it: Odoo makes them those of its type when the partner changes."""
    client, context = site.client, site.context
    places = ["location_id", "location_dest_id"]
    for model, state, kept in (("sale.order", ["draft", "sent"], []), ("stock.picking", _OPEN, places)):
        domain = [("partner_id", "=", gone.id), ("state", "in", state)]
        found = client.search_read(model, domain, ["id", *kept], context=context)
        alike: dict[tuple[int, ...], list[int]] = {}
        for document in found:
            alike.setdefault(tuple(document[field][0] for field in kept), []).append(document["id"])
        for values, ids in alike.items():
            vals: dict[str, Any] = {"partner_id": target, **dict(zip(kept, values, strict=True))}
            if model == "sale.order" and row.effect.kind == "visit":
                vals["client_order_ref"] = row.effect.into
            client.call(model, "write", ids=ids, context=context, vals=vals)
        if found:
            row.documents[model] = ",".join(str(document["id"]) for document in found)


_OPEN = ["draft", "waiting", "confirmed", "assigned"]
