"""The audit for those who answer for it: read, proved, exported."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, AuditQuery, Recorded
from engine.errors import Misconfigured, Unavailable
from engine.operations.audit_forms import MEDIA, Format, exported
from engine.operations.files import File
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.store.contracts.audit import AuditStore
from engine.store.witness import Witnessed, read_witness

__all__ = ["EXPORT", "LIST", "OPERATIONS", "SHOW", "VERIFY", "every_entry"]

EXPORTED: Final = 100_000
"""Entries in one export, at most: about 50 MB."""

_PAGE: Final = 1000

Seconds = Annotated[float, Meta(ge=0, description="Seconds since the epoch; 0: no bound.")]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: everything given must hold."""

    since: Seconds = 0.0
    until: Seconds = 0.0
    who: Annotated[str, Meta(description="A person, a client or a node.")] = ""
    act: Annotated[str, Meta(description="One of the acts of the audit, such as `look`.")] = ""
    object: Annotated[str, Meta(description="What it was done to: `message:12`, `channel:charges`.")] = ""


class Listed(Wanted, frozen=True, kw_only=True):
    """Which entries, and from where on, newest first."""

    before: Annotated[
        int, Meta(ge=0, description="Only entries with a smaller number: for the next page.")
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: `at` in seconds since the epoch, `chain` the value of the chain with it (SHA-256, hex)."""

    id: int
    at: float
    who: str
    role: str
    act: str
    object: str
    why: str
    ticket: str
    outcome: str
    detail: dict[str, str]
    chain: str


class Page(msgspec.Struct, frozen=True):
    """Entries, newest first; `next` is the `before` of the next page, 0 on the last."""

    entries: list[Told]
    next: int = 0


class One(msgspec.Struct, frozen=True):
    """An entry by its number."""

    id: Annotated[int, Meta(ge=1)]


class Nothing(msgspec.Struct, frozen=True):
    """There is nothing to say."""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the audit is all that was written, as it was written. `findings` are plain words for what is
    wrong; `witnessed` whether it was held against the file of checkpoints outside the store: only that knows
    of a store rolled back. `upto` is the number of the newest entry."""

    holds: bool
    findings: list[str]
    witnessed: bool
    upto: int


class Exported(Wanted, frozen=True, kw_only=True):
    """Which entries to write out, in which form, and why."""

    form: Format = "ndjson"
    why: str = ""
    ticket: str = ""


def every_entry(store: AuditStore, query: AuditQuery) -> Iterator[Recorded]:
    """All entries that match, oldest first, page by page."""
    query = msgspec.structs.replace(query, limit=_PAGE)
    while page := store.entries(query):
        yield from page
        query = msgspec.structs.replace(query, after=page[-1].id)


def _list(desk: Desk, _: Caller, asked: Listed) -> Page:
    query = _query(asked, newest=True, before=asked.before, limit=asked.limit + 1)
    found = desk.store.entries(query)
    shown = found[: asked.limit]
    return Page([_told(one) for one in shown], shown[-1].id if len(found) > asked.limit else 0)


def _show(desk: Desk, _: Caller, asked: One) -> Told:
    found = desk.store.entries(AuditQuery(after=asked.id - 1, limit=1))
    if not found or found[0].id != asked.id:
        raise NotThere("the audit has no such entry")
    return _told(found[0])


def _verify(desk: Desk, _: Caller, __: Nothing) -> Verified:
    witnessed = _witnessed(desk)
    newest = desk.store.entries(AuditQuery(newest=True, limit=1))
    held = [
        *witnessed.findings,
        *desk.store.verify_audit(witnessed.checkpoints),
        *desk.store.verify_versions(),
    ]
    return Verified(
        holds=not held,
        findings=held,
        witnessed=desk.settings.audit_checkpoints is not None,
        upto=newest[0].id if newest else 0,
    )


def _export(desk: Desk, caller: Caller, asked: Exported) -> File:
    found = list(islice(every_entry(desk.store, _query(asked)), EXPORTED + 1))
    if len(found) > EXPORTED:
        raise Misconfigured(
            f"more than {EXPORTED:,} entries match",
            where="since",
            hint="choose a shorter period, or use `wardline audit export`",
        )
    told = entry(
        desk, caller, Act.EXPORT, "audit", why=asked.why, ticket=asked.ticket, detail={"format": asked.form}
    )
    last = desk.store.record([told])[0]
    ending = "csv" if asked.form == "csv" else "ndjson"
    return File(f"wardline-audit-{last}.{ending}", MEDIA[asked.form], b"".join(exported(found, asked.form)))


def _query(asked: Wanted, **more: Any) -> AuditQuery:
    if asked.act and asked.act not in set(Act):
        raise Misconfigured(f"is none of {', '.join(Act)}", where="act")
    return AuditQuery(
        since=asked.since, until=asked.until, who=asked.who, act=asked.act, object=asked.object, **more
    )


def _witnessed(desk: Desk) -> Witnessed:
    file = desk.settings.audit_checkpoints
    if file is None:
        return Witnessed([], [])
    try:
        return read_witness(file)
    except OSError as error:
        raise Unavailable(f"the file of checkpoints cannot be read: {error.strerror}") from None


def _told(one: Recorded) -> Told:
    said = one.entry
    return Told(
        id=one.id, at=said.at, who=said.who, role=said.role, act=said.act, object=said.object, why=said.why,
        ticket=said.ticket, outcome=said.outcome, detail=dict(sorted(said.detail.items())),
        chain=one.chain.hex(),
    )  # fmt: skip


LIST: Final = Operation(
    name="audit.list", method="GET", path="/audit", needs=Permission.AUDIT, asks=Listed, gives=Page,
    call=_list, text="Who did what, when and why, newest first.",
)  # fmt: skip
SHOW: Final = Operation(
    name="audit.show", method="GET", path="/audit/{id}", needs=Permission.AUDIT, asks=One, gives=Told,
    call=_show, text="One entry of the audit.",
)  # fmt: skip
VERIFY: Final = Operation(
    name="audit.verify", method="POST", path="/audit/verify", needs=Permission.AUDIT, asks=Nothing,
    gives=Verified, call=_verify, text="Prove that the audit is all that was written, as it was written.",
)  # fmt: skip
EXPORT: Final = Operation(
    name="audit.export", method="POST", path="/audit/export", needs=Permission.AUDIT, asks=Exported,
    gives=File, call=_export, reasoned=True, text="Write entries out; that this was done is an entry itself.",
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (EXPORT, LIST, SHOW, VERIFY)
