"""The pages of the audit: found, read, proved, exported."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.auditing import Act
from engine.console.pages.forms import form, looked
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.operations.audit import EXPORT, LIST, SHOW, VERIFY, Exported, Listed, Nothing, One
from engine.operations.moments import moment
from engine.operations.operation import Desk

__all__ = ["audit_routes"]

_A_DAY = 86400.0
_FIELDS = ("since", "until", "who", "act", "object")


def audit_routes(desk: Desk) -> list[Route]:
    """`GET /audit` lists entries, `/audit/{id}` shows one; `POST /audit/verify` proves that these are all,
    `POST /audit/export` gives them as a file."""

    async def listed(request: Request) -> Response:
        given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
        before = request.query_params.get("before", "0")
        asked = Listed(
            **_bounds(given, desk.clock()),
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
            **_bounds(given, desk.clock()),
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


def _bounds(given: dict[str, str], now: float) -> dict[str, float]:
    """From the first moment of one day to the last of another."""
    until = moment(given.get("until", ""), now, "until")
    return {"since": moment(given.get("since", ""), now, "since"), "until": until + _A_DAY if until else 0.0}


def _form_of(text: str) -> str:
    if text not in ("ndjson", "csv", "fhir"):
        raise Misconfigured("is none of ndjson, csv, fhir", where="form")
    return text
