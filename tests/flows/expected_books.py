"""What effects come to in Odoo, said a second time and in the simplest way: the books they should give.

Effects are plain data as a case writes them (`{"charge": {"key": …}}`), in the order of their keys; items
are in stock. What is read back (`odoo_books.read_books`) must equal `ExpectedBooks.books()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from odoo_books import Books, Contact, Line, Transfer

from demo.hospital_catalogue import ITEMS, SERVICES

PRICES = {one.code: float(one.price) for one in (*ITEMS, *SERVICES)}
NAMES = {one.code: one.name for one in (*ITEMS, *SERVICES)}
UNITS = {"OR-MIN": "Minutes", "RGT-CBC": "ml", "RGT-GLU": "ml"}
CARE = "Patient Care"
TAGS = {
    "inpatient": "Inpatient", "outpatient": "Outpatient", "emergency": "Emergency",
    "planned": "Planned admission",
}  # fmt: skip
ENDED = "Account ended"
Fields = Mapping[str, Any]


class ExpectedBooks:
    """Effects are applied one by one."""

    def __init__(self) -> None:
        self._transfers: dict[str, Transfer] = {}
        self._lines: dict[str, Line] = {}
        self._orders: dict[str, tuple[str, str]] = {}
        self._contacts: dict[str, Contact] = {}
        self._order: dict[str, tuple[str, ...]] = {}

    def books(self) -> Books:
        return Books(self._transfers, self._lines, self._orders, self._contacts, {}, self._order)

    def apply(self, effect: Mapping[str, Fields]) -> None:
        """One effect stands."""
        ((kind, fields),) = effect.items()
        getattr(self, f"_{kind}")(fields)

    def _partner(self, fields: Fields) -> str:
        visit, person = fields.get("encounter", ""), fields.get("subject", "")
        if person:
            self._contacts.setdefault(person, Contact(person, True, "", "", ()))
        if visit:
            self._contacts.setdefault(visit, Contact(visit, True, person, "", ()))
        return self._survivor(visit or person)

    def _survivor(self, token: str) -> str:
        contact = self._contacts.get(token)
        return token if contact is None or contact.active else contact.above

    def _reserve(self, fields: Fields) -> None:
        wanted = {item["code"]: float(item["quantity"]) for item in fields["items"]}
        lives = self._lives(fields["key"])
        still = lives[-1] if lives and self._transfers[lives[-1]].state != "cancel" else ""
        if still:
            old = {line[0]: 0.0 for line in self._transfers[still].lines}
            wanted = {**old, **wanted}
        number = f"@{len(lives) + 1}" if lives else ""
        units = {item["code"]: item.get("unit") for item in fields["items"]}
        self._transfers[still or f"reserve {fields['key']}{number}"] = Transfer(
            "assigned", fields.get("source") or "WH/Stock", fields["destination"],
            _planned(fields), self._partner(fields),
            tuple(sorted(
                (code, n, n, units.get(code) or UNITS.get(code, "Units"), False) for code, n in wanted.items()
            )),
        )  # fmt: skip

    def _lives(self, key: str) -> list[str]:
        """The names of a reservation's transfers, the last one last."""
        base = f"reserve {key}"
        return [name for name in self._transfers if name == base or name.startswith(f"{base}@")]

    def _release(self, fields: Fields) -> None:
        key = f"reserve {fields['key']}"
        for name, transfer in self._transfers.items():
            mine = name.startswith(key[:-1]) if key.endswith("/*") else name.partition("@")[0] == key
            if mine and transfer.state != "cancel":
                given_back = tuple(sorted((code, n, 0.0, unit, b) for code, n, _, unit, b in transfer.lines))
                self._transfers[name] = transfer._replace(state="cancel", lines=given_back)

    def _consume(self, fields: Fields) -> None:
        back = bool(fields.get("reverses"))
        lines = [
            (item["code"], float(item["quantity"]), float(item["quantity"]), _unit(item), back)
            for item in fields["items"]
        ]
        here, gone = (CARE, fields["location"]) if back else (fields["location"], CARE)
        self._transfers[f"consume {fields['key']}"] = Transfer(
            "done", here, gone, f"{fields['used_on']} 12:00:00", self._partner(fields), tuple(sorted(lines))
        )

    def _procure(self, fields: Fields) -> None:
        """Of what is in stock: nothing is bought."""

    def _charge(self, fields: Fields) -> None:
        self._bill("charge", fields, 1.0)

    def _credit(self, fields: Fields) -> None:
        self._bill("credit", fields, -1.0)

    def _bill(self, kind: str, fields: Fields, sign: float) -> None:
        visit, code = fields["encounter"], fields["item"]["code"]
        key = f"{kind} {fields['key']}"
        partner = self._partner(fields)
        charged = self._lines.get(f"charge {fields.get('reverses', '')}")
        price = (
            fields["price"]["amount"] if fields.get("price") else charged.price if charged else PRICES[code]
        )
        title = f"[{code}] {NAMES[code]}, {fields['date']}"
        self._orders.setdefault(f"order 1_{visit}", (visit, f"draft for {partner}"))
        self._order[visit] = (*self._order.get(visit, ()), key)
        self._lines[key] = Line(
            visit, code, sign * float(fields["item"]["quantity"]), float(price), UNITS.get(code, "Units"),
            fields.get("cost_centre", ""), title if kind == "charge" else f"Credit: {title}",
        )  # fmt: skip

    def _encounter(self, fields: Fields) -> None:
        visit, person = fields["key"], fields["subject"]
        self._partner({"encounter": visit, "subject": person})
        old = self._contacts[visit]
        states = {tag for tag in old.tags if tag.startswith("Visit ")}
        kinds = set(old.tags) - states
        state = fields.get("state") or ("" if states else "open")
        tags = {f"Visit {state}"} if state else states
        whole = fields.get("whole", False)
        kept = set() if whole else kinds - {ENDED}
        tags |= {TAGS[fields["kind"]]} if fields.get("kind", "other") in TAGS else kept
        tags |= {ENDED} if fields.get("account") == "ended" else kinds & {ENDED}
        self._contacts[visit] = old._replace(
            above=self._survivor(person),
            place=fields.get("location") or ("" if whole else old.place),
            tags=tuple(sorted(tags)),
        )

    def _merge(self, fields: Fields) -> None:
        """What hangs on the one that is gone goes to the other."""
        gone, into = fields["gone"], fields["into"]
        if gone not in self._contacts:
            return
        above = self._contacts[gone].above if fields["kind"] == "visit" else ""
        self._contacts.setdefault(into, Contact(into, True, above, "", ()))
        for token, contact in self._contacts.items():
            if contact.above == gone:
                self._contacts[token] = contact._replace(above=into)
        self._contacts[gone] = self._contacts[gone]._replace(active=False, above=into)
        for name, transfer in self._transfers.items():
            if transfer.partner == gone and transfer.state == "assigned":
                self._transfers[name] = transfer._replace(partner=into)


def _unit(item: Fields) -> str:
    return str(item.get("unit") or UNITS.get(item["code"], "Units"))


class _AnyDay:
    """Equal to whatever day Odoo chose by itself."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)


def _planned(fields: Fields) -> Any:
    if fields.get("needed_on"):
        return f"{fields['needed_on']} 12:00:00"
    return _instant(fields["needed_at"]) if fields.get("needed_at") else _AnyDay()


def _instant(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
