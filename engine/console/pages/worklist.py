"""The pages of the worklist: what stopped by cause and owner, and codes that get their rows."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.framing import told
from engine.console.pages.forms import form_lists, looked
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.model import Owner
from engine.operations.operation import Desk, NotThere
from engine.operations.resolving import PREVIEW, RESOLVE, Resolving, Row
from engine.operations.worklist import CODES, LIST, Filter

__all__ = ["worklist_routes"]

_OWNERS = (
    (Owner.BUSINESS, "For business", "A code, an item, an amount: who knows the hospital's data settles it."),
    (
        Owner.TECHNICAL,
        "For technicians",
        "A rule, a right, a sender that is wrong: who knows the interface settles it.",
    ),
    (
        Owner.PRIVACY,
        "For privacy",
        "What the policy or a person's wish forbids: the privacy officer decides.",
    ),
)


def worklist_routes(desk: Desk) -> list[Route]:
    """`GET /worklist` lists causes and codes, of all channels or of one; `GET /worklist/code` is the form of
    a code's row, `POST` shows what it would come to, and with a reason puts it forward."""

    async def listed(request: Request) -> Response:
        asked = Filter(
            channel=request.query_params.get("channel", ""), owner=request.query_params.get("owner", "")
        )
        found = await looked(desk, request, LIST, asked)
        codes = await looked(desk, request, CODES, asked)
        return page(
            "worklist.html",
            found=found,
            codes=codes,
            owners=_OWNERS,
            channel=asked.channel,
            owner=asked.owner,
            now=desk.clock(),
        )

    async def asked(request: Request) -> Response:
        return await _row(
            desk, request, request.query_params.get("file", ""), request.query_params.get("code", "")
        )

    async def resolved(request: Request) -> Response:
        given = await form_lists(request)
        first = {name: values[0] for name, values in given.items()}
        file, code = first.get("file", ""), first.get("code", "")
        cells = {name[5:]: text for name, text in first.items() if name.startswith("cell-") and text}
        row = Row(file=file, code=code, cells=cells, like=first.get("like", "").strip())
        if "why" not in first:
            try:
                made = await looked(desk, request, PREVIEW, row)
            except Misconfigured as error:
                return await _row(desk, request, file, code, given=row, wrong=str(error))
            return await _row(desk, request, file, code, given=row, made=made)
        resolving = Resolving(
            file=file, code=code, cells=cells, like=row.like, why=first["why"], ticket=first.get("ticket", "")
        )
        done = await looked(desk, request, RESOLVE, resolving)
        return told(
            f"/editions/{done.edition}",
            f"Edition {done.edition} is put forward with the row: somebody else approves it.",
        )

    return [
        Route("/worklist", listed, methods=["GET"]),
        Route("/worklist/code", asked, methods=["GET"]),
        Route("/worklist/code", resolved, methods=["POST"]),
    ]


async def _row(desk: Desk, request: Request, file: str, code: str, **shown: object) -> Response:
    """The form of a row. Raises `NotThere` where nothing waits for the code."""
    waiting = await looked(desk, request, CODES, Filter())
    found = next((one for one in waiting if (one.file, one.code) == (file, code)), None)
    if found is None:
        raise NotThere("no message waits for this code any more")
    values = {"given": Row(file=file, code=code), "made": None, "wrong": "", **shown}
    return page("worklist_code.html", 422 if values["wrong"] else 200, code=found, **values)
