"""External ids as a plan knows them: those that Odoo has, and those of what does not stand yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.destinations.odoo.faults import ServerError
from engine.destinations.odoo.names import MODULE
from engine.destinations.odoo.planning.reading import ReadOnly
from engine.errors import Unacceptable

__all__ = ["Names"]

_EVERYTHING = {"active_test": False}


class Names:
    """Model and id by external id (`wardline.charge_…`), asked for once."""

    def __init__(self, wire: ReadOnly) -> None:
        self._wire = wire
        self._given: dict[str, tuple[str, int]] = {}
        self._standing: dict[str, tuple[str, int] | None] = {}

    def give(self, name: str, model: str, number: int) -> None:
        """Something new has this one."""
        self._given[name] = model, number

    def find(self, name: str) -> tuple[str, int] | None:
        """Model and id of a record; None where none has the name."""
        if name in self._given:
            return self._given[name]
        if name not in self._standing:
            self._standing[name] = self._asked(name)
        return self._standing[name]

    def is_given(self, name: str) -> bool:
        """Whether something new has it."""
        return name in self._given

    def learn(self, names: Iterable[str]) -> None:
        """Ask for all of these at once, where the user may look there."""
        wanted = sorted({*names} - self._standing.keys() - self._given.keys())
        if len(wanted) < 2:
            return
        domain = [("module", "=", MODULE), ("name", "in", [name.partition(".")[2] for name in wanted])]
        args = {"domain": domain, "fields": ["name", "model", "res_id"], "limit": None, "order": "id"}
        try:
            rows = self._wire.call("ir.model.data", "search_read", None, {}, args)
        except Unacceptable:  # one by one, which every user may
            return
        self._standing |= dict.fromkeys(wanted)
        self._standing |= {f"{MODULE}.{row['name']}": (row["model"], row["res_id"]) for row in rows}

    def of(self, model: str, ids: Sequence[int], context: Mapping[str, Any]) -> dict[str, str]:
        """The names of records by their ids, as Odoo's `get_external_id` gives them; `ids` are those that
        stand."""
        found = self._wire.call(model, "get_external_id", list(ids), context, {}) if ids else {}
        ours = {str(number): name for name, (kind, number) in self._given.items() if kind == model}
        return {**{str(number): name for number, name in found.items()}, **ours}

    def _asked(self, name: str) -> tuple[str, int] | None:
        module, _, xml_id = name.partition(".")
        args = {"module": module, "xml_id": xml_id}
        try:
            model, number = self._wire.call(
                "ir.model.data", "check_object_reference", None, _EVERYTHING, args
            )
        except ServerError as error:
            if "ValueError" in str(error):  # Odoo's way to say: no such external id
                return None
            raise
        return (model, number) if number else None
