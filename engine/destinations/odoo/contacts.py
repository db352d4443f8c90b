"""Contacts that stand for tokens: a person's, and below it one for each of the person's visits.

They hold the token and nothing else of the patient. A contact that was merged away is archived
below its survivor, so that a late message about it still finds the right one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import msgspec

from engine.destinations.odoo.names import contact, full
from engine.destinations.odoo.repeat import Bad, load_each
from engine.destinations.odoo.work import Row, Site

__all__ = ["MODEL", "Contact", "Wanted", "ensure", "find", "make", "survivors"]

MODEL = "res.partner"
K = TypeVar("K", bound=Row[Any])


class Wanted(msgspec.Struct, frozen=True):
    """Whose contact an effect needs: the visit's, below the person's; either may be empty."""

    visit: str
    person: str


class Contact(msgspec.Struct):
    """A contact as it stands; `survivor` is where a merged one went, 0 for a living one."""

    id: int
    token: str
    parent: int
    active: bool
    tags: tuple[int, ...]
    place: str

    @property
    def survivor(self) -> int:
        """The contact that stands for this one now."""
        return self.id if self.active or not self.parent else self.parent


def find(site: Site, tokens: Collection[str]) -> dict[str, Contact]:
    """The contacts of these tokens, archived ones too."""
    wanted = sorted({token for token in tokens if token})
    if not wanted:
        return {}
    context = {**site.context, "active_test": False}
    fields = ["ref", "parent_id", "active", "category_id", "function"]
    rows = site.client.search_read(MODEL, [("ref", "in", wanted)], fields, context=context)
    names = site.client.external_names(MODEL, [row["id"] for row in rows])
    return {
        row["ref"]: Contact(
            id=row["id"],
            token=row["ref"],
            parent=row["parent_id"][0] if row["parent_id"] else 0,
            active=row["active"],
            tags=tuple(row["category_id"]),
            place=row["function"] or "",
        )
        for row in rows
        if names.get(row["id"]) == contact(row["ref"])
    }


def survivors(site: Site, tokens: Collection[str]) -> dict[str, Contact]:
    """The contact that stands for each token now: its own, or the one that it was merged into; a token
    without a contact is absent."""
    found = find(site, tokens)
    merged = {token: c.survivor for token, c in found.items() if c.survivor != c.id}
    if not merged:
        return found
    domain = [("id", "in", sorted(set(merged.values())))]
    context = {**site.context, "active_test": False}
    refs = {row["id"]: row["ref"] for row in site.client.search_read(MODEL, domain, ["ref"], context=context)}
    into = find(site, [ref for ref in refs.values() if ref])
    return found | {token: into[refs[c]] for token, c in merged.items() if refs.get(c) in into}


def make(site: Site, parents: Mapping[str, int]) -> dict[str, int | Bad]:
    """Load contacts for tokens, below the parent given (0: none); an id or the refusal for each.

    What lies below another is marked as a company: it is billed by itself, and Odoo 19 does not let
    a user without accounting rights put a mere person there (it would read the credit limit)."""
    fields = ["id", "name", "ref", "is_company", "parent_id/.id"]
    records = [
        [[full(contact(token)), token, token, "1" if parent else "0", str(parent or "")]]
        for token, parent in parents.items()
    ]
    return dict(zip(parents, load_each(site.client, MODEL, fields, records, site.context), strict=True))


def ensure(site: Site, wanted: Mapping[K, Wanted]) -> dict[K, int]:
    """The contact (id) for each row, made where there is none yet; rows that want none are absent.
    A row whose contact cannot be made fails."""
    tokens = {t for w in wanted.values() for t in (w.visit, w.person)}
    ids: dict[str, int | Bad] = {token: c.survivor for token, c in find(site, tokens).items()}
    missing = {w.person for w in wanted.values() if w.person and w.person not in ids}
    if missing:
        ids |= make(site, dict.fromkeys(sorted(missing), 0))
    parents: dict[str, int] = {}
    for w in wanted.values():
        above = ids.get(w.person, 0)
        if w.visit and w.visit not in ids:
            parents[w.visit] = above if isinstance(above, int) else 0
    if parents:
        ids |= make(site, parents)
    result: dict[K, int] = {}
    for row, w in wanted.items():
        found = ids.get(w.visit or w.person, 0)
        if not isinstance(found, int):
            row.fail(found)
        elif found:
            result[row] = found
    return result
