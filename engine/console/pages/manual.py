"""The manual beside the pages that it is about: the same text that the repository has."""

from __future__ import annotations

from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.console.pages.rendering import page
from engine.manual.contents import Page, contents, pages
from engine.manual.rendering import Rendered
from engine.manual.site import article, colours, plain_link
from engine.operations.operation import NotThere

__all__ = ["manual_routes"]

_ROOT = "/manual"
_WITHIN = "manual/"
_BESIDE = "docs/"
"""Stands before pages that are no part of the folder of the manual (`catalogue`, `decisions/…`)."""


def manual_routes() -> list[Route]:
    """`GET /manual/{page}` shows a page of the manual with its table of contents."""

    async def start(_: Request) -> Response:
        return RedirectResponse(f"{_ROOT}/README", 303)

    async def show(request: Request) -> Response:
        return await run_in_threadpool(_page, request.path_params["path"])

    async def coloured(_: Request) -> Response:
        return PlainTextResponse(colours(), media_type="text/css")

    return [
        Route(_ROOT, start, methods=["GET"]),
        Route(_ROOT + "/colours.css", coloured, methods=["GET"]),
        Route(_ROOT + "/{path:path}", show, methods=["GET"]),
    ]


def _page(path: str) -> Response:
    found = {_address(one.path): one for one in pages()}.get(f"{_ROOT}/{path}")
    if found is None:
        raise NotThere("the manual has no such page")
    return page("manual.html", groups=contents(), page=found, made=_article(found), address=_address)


@cache
def _article(found: Page) -> Rendered:
    shown = {one.path for one in pages()}

    def link(target: str) -> str | None:
        led = plain_link(target, found.path, shown)
        return _address(led) if led is not None and "://" not in led and ":" not in led else led

    return article(found, link)


def _address(path: str) -> str:
    """Where a page of `docs` is here."""
    return f"{_ROOT}/{path.removeprefix(_WITHIN) if path.startswith(_WITHIN) else _BESIDE + path}"
