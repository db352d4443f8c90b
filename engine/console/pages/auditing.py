"""The pages of the audit: found, read, proved, exported."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.auditing import Act
from engine.console.pages.forms import form, looked
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.operations.audit import EXPORT, LIST, SHOW, VERIFY, Exported, Listed, Nothing, One
from engine.operations.operation import Desk

__all__ = ["audit_routes", "day"]

_A_DAY = 86400.0
_FIELDS = ("since", "until", "who", "act", "object")


def audit_routes(desk: Desk) -> list[Route]:
    """`GET /audit` lists entries, `/audit/{id}` shows one; `POST /audit/verify` proves that these are all,
    `POST /audit/export` gives them as a file."""

    async def listed(request: Request) -> Response:
        given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
        before = request.query_params.get("before", "0")
        asked = Listed(
            **_bounds(given),
            who=given["who"],
            act=given["act"],
            object=given["object"],
            before=int(before) if before.isdecimal() else 0,
            limit=50,
        )
        found = await looked(desk, request, LIST, asked)
        chosen = {name: value for name, value in given.items() if value}
        more = f"/audit?{urlencode(chosen | {'before': found.next})}" if found.next else ""
        return page("audit.html", found=found, given=given, acts=["", *Act], more=more, first=before == "0")

    async def shown(request: Request) -> Response:
        number = request.path_params["id"]
        return page("audit_entry.html", one=await looked(desk, request, SHOW, One(number)))

    async def verified(request: Request) -> Response:
        proof = await looked(desk, request, VERIFY, Nothing())
        return page("audit_proof.html", proof=proof, at=desk.clock())

    async def exported(request: Request) -> Response:
        given = await form(request)
        asked = Exported(
            **_bounds(given),
            who=given.get("who", ""),
            act=given.get("act", ""),
            object=given.get("object", ""),
            form=_form_of(given.get("form", "")),  # type: ignore[arg-type]
            why=given.get("why", ""),
            ticket=given.get("ticket", ""),
        )
        file = await looked(desk, request, EXPORT, asked)
        name = {"content-disposition": f'attachment; filename="{file.name}"'}
        return Response(file.body, media_type=file.media, headers=name)

    return [
        Route("/audit", listed, methods=["GET"]),
        Route("/audit/verify", verified, methods=["POST"]),
        Route("/audit/export", exported, methods=["POST"]),
        Route("/audit/{id:int}", shown, methods=["GET"]),
    ]


def day(text: str, where: str = "") -> float:
    """The first moment of a day that a form gives as `2026-11-22` (UTC), in seconds; 0 for none. Raises
    `Misconfigured`."""
    if not text:
        return 0.0
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Misconfigured("is not a day", where=where, hint="such as 2026-11-22") from None


def _bounds(given: dict[str, str]) -> dict[str, float]:
    """From the first moment of one day to the last of another."""
    until = day(given.get("until", ""), "until")
    return {"since": day(given.get("since", ""), "since"), "until": until + _A_DAY if until else 0.0}


def _form_of(text: str) -> str:
    if text not in ("ndjson", "csv", "fhir"):
        raise Misconfigured("is none of ndjson, csv, fhir", where="form")
    return text
