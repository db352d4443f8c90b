"""Encounter: a visit's contact below its person's, tagged with its state and kind.

A closed visit still takes charges; an account that has ended takes none (`ended`), until a person takes its
tag away. The place is kept in the contact's `function` field, the one line of free text Odoo shows beside the
name; nothing in a contact tells more than the token. A closed visit keeps its contact, for late
charges come.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine import effects
from engine.destinations.odoo import contacts
from engine.destinations.odoo.names import external, full
from engine.destinations.odoo.repeat import load_each
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unavailable

__all__ = ["encounter", "ended"]

Rows = Sequence[Row[effects.Encounter]]
_STATES = {word: f"Visit {word}" for word in ("planned", "open", "closed", "cancelled")}
_KINDS = {
    "inpatient": "Inpatient",
    "outpatient": "Outpatient",
    "emergency": "Emergency",
    "planned": "Planned admission",
}
_ENDED = "Account ended"


def encounter(site: Site, rows: Rows) -> None:
    """Carry out the `Encounter` effects of one company, whose keys differ."""
    wanted = {row: contacts.Wanted(row.effect.key, row.effect.subject) for row in rows}
    ids = contacts.ensure(site, wanted)
    known = contacts.find(site, [t for row in rows for t in (row.effect.key, row.effect.subject)])
    tags = _tags(site)
    writes: list[tuple[Row[effects.Encounter], list[str]]] = []
    for row in open_rows(ids):
        row.documents[contacts.MODEL] = str(ids[row])
        stands = known.get(row.effect.key)
        if stands is None or stands.survivor != stands.id:
            row.notes.append("the visit was merged into another")
            continue
        values = _values(row.effect, stands, known.get(row.effect.subject), tags)
        if values:
            writes.append((row, values))
    fields = [".id", "parent_id/.id", "category_id/.id", "function"]
    answers = load_each(site.client, contacts.MODEL, fields, [[values] for _, values in writes], site.context)
    for (row, _), answer in zip(writes, answers, strict=True):
        if not isinstance(answer, int):
            row.fail(answer)
    for row in open_rows(rows):
        row.stand()


def _values(
    effect: effects.Encounter, stands: contacts.Contact, person: contacts.Contact | None, tags: dict[str, int]
) -> list[str]:
    """The columns to write, none when nothing differs; what the effect does not say stays, unless it
    is whole."""
    parent = person.survivor if person else stands.parent
    place = effect.location or ("" if effect.whole else stands.place)
    marks = set(stands.tags)
    fresh = marks.isdisjoint(tags[title] for title in _STATES.values())
    state = effect.state or ("open" if fresh else "")
    for titles, word in ((_STATES, state), (_KINDS, effect.kind)):
        if effect.whole:
            marks -= {tags[title] for title in titles.values()}
        if word in titles:
            marks -= {tags[title] for title in titles.values()}
            marks.add(tags[titles[word]])
    if effect.account == "ended":
        marks.add(tags[_ENDED])
    if (parent, place, marks) == (stands.parent, stands.place, set(stands.tags)):
        return []
    return [str(stands.id), str(parent or ""), ",".join(map(str, sorted(marks))), place]


def ended(site: Site, contact: contacts.Contact) -> bool:
    """Whether the account that a contact stands for takes no more charges."""
    return bool(contact.tags) and _tags(site)[_ENDED] in contact.tags


def _tags(site: Site) -> dict[str, int]:
    """The tags of visits by name, made on first use."""
    return site.catalogue.tags(lambda: _load_tags(site))


def _load_tags(site: Site) -> dict[str, int]:
    titles = [*_STATES.values(), *_KINDS.values(), _ENDED]
    records = [[[full(external("tag", title.lower().replace(" ", "_"))), title]] for title in titles]
    answers = load_each(site.client, "res.partner.category", ["id", "name"], records, site.context)
    found: dict[str, int] = {}
    for title, answer in zip(titles, answers, strict=True):
        if not isinstance(answer, int):
            raise Unavailable("Odoo does not take the tags of visits") from answer
        found[title] = answer
    return found
