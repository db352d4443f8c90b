"""The Books: checks against Odoo, what they found, repairs and who approved them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.assets import stylesheet
from engine.console.framing import told
from engine.console.pages.forms import done, form, form_lists, looked
from engine.console.pages.rendering import page, rendered
from engine.errors import Misconfigured
from engine.operations.books import (
    APPROVE,
    CHECK,
    CHECKS,
    PLAN,
    PROPOSE,
    RECONCILE,
    REPAIR,
    REPAIRS,
    WITHDRAW,
    AskChecks,
    AskDecision,
    AskNumber,
    AskPlan,
    AskRepair,
    AskRepairs,
    AskRun,
)
from engine.operations.documents import documents_of
from engine.operations.operation import Desk
from engine.reconciling.words import Check, Gap, GapKind

__all__ = ["books_routes", "page_of"]

SHOWN = 500
"""Gaps on a page; the API has all that a check lists."""

TEXTS = {
    GapKind.MISSING: "Carried out, and not in Odoo any more",
    GapKind.DOUBLED: "Once in the books, twice in Odoo",
    GapKind.CHANGED: "Odoo says something else than the message",
    GapKind.CANCELLED: "Cancelled or taken back in Odoo alone",
    GapKind.UNKNOWN: "In Odoo, and nothing in the books says why",
    GapKind.LOST: "Acknowledged, and nothing says what became of it",
    GapKind.DEAD: "Dead letters that nobody has settled",
    GapKind.WAITING: "Still on their way",
}


def books_routes(desk: Desk) -> list[Route]:
    """`GET /books` lists checks and repairs, `/books/checks/{n}` and `/books/repairs/{n}` show one;
    `POST /books` asks for a check, `/books/checks/{n}/plan` shows what would be done, `…/repairs` puts it
    forward, `/books/repairs/{n}/decision` and `/withdraw` decide."""
    pages = _Pages(desk)
    return [
        Route("/books", pages.listed, methods=["GET"]),
        Route("/books", pages.asked, methods=["POST"]),
        Route("/books/checks/{number:int}", pages.shown, methods=["GET"]),
        Route("/books/checks/{number:int}/plan", pages.planned, methods=["POST"]),
        Route("/books/checks/{number:int}/repairs", pages.proposed, methods=["POST"]),
        Route("/books/repairs/{number:int}", pages.repair, methods=["GET"]),
        Route("/books/repairs/{number:int}/decision", pages.decided, methods=["POST"]),
        Route("/books/repairs/{number:int}/withdraw", pages.withdrawn, methods=["POST"]),
    ]


class _Pages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _link(self, gap: Gap, number: int) -> str:
        """Where Odoo shows a document of a gap; empty where its address is not known here."""
        found = documents_of(gap.destination, {gap.model: str(number)}, self._desk.environ)
        return next((one.url for one in found), "")

    async def listed(self, request: Request) -> Response:
        checks = await looked(self._desk, request, CHECKS, AskChecks())
        repairs = await looked(self._desk, request, REPAIRS, AskRepairs())
        newest = next((one for one in checks if one.state == "done"), None)
        shown: Check | None = None
        if newest is not None:
            shown = await looked(self._desk, request, CHECK, AskNumber(number=newest.number))
        now = self._desk.clock()
        return page("books.html", checks=checks, repairs=repairs, newest=shown, texts=TEXTS, now=now)

    async def asked(self, request: Request) -> Response:
        fields = await form(request)
        wanted = AskRun(since=fields.get("since", ""), channel=fields.get("channel", ""))
        made = await looked(self._desk, request, RECONCILE, wanted)
        return told(f"/books/checks/{made.number}", "The engine holds the books against Odoo now.")

    async def shown(self, request: Request) -> Response:
        found = await looked(self._desk, request, CHECK, AskNumber(number=request.path_params["number"]))
        kind = request.query_params.get("kind", "")
        return page("books_check.html", link=self._link, **_values(found, kind))

    async def planned(self, request: Request) -> Response:
        number, gaps = request.path_params["number"], await _gaps(request)
        found = await looked(self._desk, request, CHECK, AskNumber(number=number))
        asked = AskPlan(number=number, gaps=gaps)
        remedies = await looked(self._desk, request, PLAN, asked) if gaps else []
        return page("books_plan.html", found=found, remedies=remedies, gaps=gaps, link=self._link)

    async def proposed(self, request: Request) -> Response:
        number, gaps = request.path_params["number"], await _gaps(request)
        fields = await form(request)
        if not gaps:
            raise Misconfigured("no gap is ticked", where="gap")
        wanted = AskRepair(
            number=number, gaps=gaps, why=fields.get("why", ""), ticket=fields.get("ticket", "")
        )
        made = await looked(self._desk, request, PROPOSE, wanted)
        return told(f"/books/repairs/{made.number}", "Put forward: somebody else approves it.")

    async def repair(self, request: Request) -> Response:
        found = await looked(self._desk, request, REPAIR, AskNumber(number=request.path_params["number"]))
        return page("books_repair.html", found=found, link=self._link)

    async def decided(self, request: Request) -> Response:
        number, fields = request.path_params["number"], await form(request)
        turned_down = fields.get("decision") == "withdrawn"
        wanted = AskDecision(
            number=number, why=fields.get("why", ""), decision="withdrawn" if turned_down else "approved"
        )
        said = (
            "Turned down." if turned_down else "Approved: the engine carries it out, and looks at Odoo again."
        )
        return await done(self._desk, request, APPROVE, wanted, back=f"/books/repairs/{number}", said=said)

    async def withdrawn(self, request: Request) -> Response:
        number, fields = request.path_params["number"], await form(request)
        wanted = AskDecision(number=number, why=fields.get("why", ""))
        back = f"/books/repairs/{number}"
        return await done(self._desk, request, WITHDRAW, wanted, back=back, said="Taken back.")


def page_of(found: Check) -> str:
    """A check as a page of its own, in one file."""
    values = _values(found, "")
    return rendered("books_file.html", style=stylesheet(), link=lambda _gap, _number: "", **values)


async def _gaps(request: Request) -> tuple[int, ...]:
    """The gaps that were ticked. Raises `Misconfigured` for what is no number."""
    given = (await form_lists(request)).get("gap", [])
    if not all(one.isdecimal() and len(one) < 10 for one in given):
        raise Misconfigured("is no number of a gap", where="gap")
    return tuple(int(one) for one in given)


def _values(found: Check, kind: str) -> dict[str, Any]:
    numbered = [(at, gap) for at, gap in enumerate(found.report.gaps, 1) if kind in ("", gap.kind.value)]
    return {
        "found": found, "kind": kind, "texts": TEXTS, "groups": _grouped(numbered[:SHOWN]),
        "hidden": len(numbered) - SHOWN, "books": _books(found),
    }  # fmt: skip


def _grouped(numbered: Sequence[tuple[int, Gap]]) -> list[tuple[GapKind, list[tuple[int, Gap]]]]:
    groups: dict[GapKind, list[tuple[int, Gap]]] = {}
    for at, gap in numbered:
        groups.setdefault(gap.kind, []).append((at, gap))
    return list(groups.items())


def _books(found: Check) -> list[tuple[str, list[Any]]]:
    """Control totals, charges and stock apart; what does not agree first."""
    by_subject: dict[str, list[Any]] = {}
    for total in sorted(found.report.totals, key=lambda one: one.balances):
        by_subject.setdefault(total.subject, []).append(total)
    return sorted(by_subject.items())
