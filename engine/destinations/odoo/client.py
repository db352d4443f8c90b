"""The one small interface to Odoo, and the conveniences every effect is written with.

One call is one transaction of Odoo, so every call made through here must be one that may be
repeated. The `step` hook is called before a request leaves and after its answer came: tests kill
the process there, at every step of every saga.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from engine.tracing import called

__all__ = ["LoadMessage", "LoadResult", "OdooClient", "Step", "Wire"]

Step = Callable[[str], None]
"""Told `before res.partner.load` and `after res.partner.load`."""

Record = dict[str, Any]
Domain = Sequence[Any]


class Wire(Protocol):
    """A way to call Odoo. Blocking; one per thread. Errors as in `faults`."""

    transport: str
    version: tuple[int, ...]

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        """Call `method` on `model` (on the records `ids` unless None) with named arguments."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class LoadMessage(msgspec.Struct, frozen=True):
    """One complaint of `load`: about which rows (from, to; -1: none named), field and why."""

    first: int
    last: int
    field: str
    text: str


class LoadResult(msgspec.Struct, frozen=True):
    """`ids` of the records in order, or empty with `messages`: then nothing was written."""

    ids: tuple[int, ...]
    messages: tuple[LoadMessage, ...] = ()


class OdooClient:
    """Calls, reads and loads over one wire; what models have is asked once."""

    def __init__(self, wire: Wire, step: Step = lambda _: None) -> None:
        self._wire = wire
        self._step = step
        self._fields: dict[str, dict[str, Record]] = {}
        self.context: dict[str, Any] = {"tz": "UTC"}  # `load` reads times in the context's zone

    @property
    def version(self) -> tuple[int, ...]:
        """Odoo's version, `(19, 0)`."""
        return self._wire.version

    @property
    def transport(self) -> str:
        """`json2` or `jsonrpc`."""
        return self._wire.transport

    def call(
        self,
        model: str,
        method: str,
        *,
        ids: Iterable[int] | None = None,
        context: Mapping[str, Any] | None = None,
        **args: Any,
    ) -> Any:
        """One transaction in Odoo. Raises `Unavailable` (or a kind of it) and `Unacceptable`."""
        name = f"{model}.{method}"
        self._step(f"before {name}")
        listed = None if ids is None else list(ids)
        with called(name):
            answer = self._wire.call(model, method, listed, {**self.context, **(context or {})}, args)
        self._step(f"after {name}")
        return answer

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        context: Mapping[str, Any] | None = None,
        limit: int | None = None,
        order: str = "id",
    ) -> list[Record]:
        """Records that match, by id. A many2one is `[id, name]` or `False`, as Odoo has it."""
        found: list[Record] = self.call(
            model,
            "search_read",
            context=context,
            domain=list(domain),
            fields=list(fields),
            limit=limit,
            order=order,
        )
        return found

    def load(
        self,
        model: str,
        fields: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        context: Mapping[str, Any] | None = None,
    ) -> LoadResult:
        """Odoo's import: creates or updates by external id, all rows or none."""
        answer = self.call(
            model, "load", context=context, fields=list(fields), data=[list(row) for row in rows]
        )
        messages = tuple(_message(m) for m in answer["messages"] if m.get("type") == "error")
        ids = tuple(int(i) for i in answer["ids"] or ())
        return LoadResult(ids if not messages else (), messages)

    def fields(self, model: str) -> dict[str, Record]:
        """What fields a model has on this server (type, required), asked once a connection."""
        if model not in self._fields:
            self._fields[model] = self.call(model, "fields_get", attributes=["type", "required", "relation"])
        return self._fields[model]

    def first_field(self, model: str, *names: str) -> str:
        """The first of these names that the model has on this server (versions rename)."""
        known = self.fields(model)
        return next(name for name in names if name in known)

    def external_names(self, model: str, ids: Sequence[int]) -> dict[int, str]:
        """Wardline's external ids of these records, without the module; others are absent."""
        if not ids:
            return {}
        answer: dict[Any, str] = self.call(model, "get_external_id", ids=ids)
        ours = "wardline."
        return {int(i): name.removeprefix(ours) for i, name in answer.items() if name.startswith(ours)}

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()


def _message(message: Record) -> LoadMessage:
    rows = message.get("rows") or {}
    text = str(message.get("message", ""))
    return LoadMessage(rows.get("from", -1), rows.get("to", -1), str(message.get("field") or ""), text)
