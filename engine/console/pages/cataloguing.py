"""The page of the catalogue: the integrations as their files have them now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.workbench.catalogue import catalogue
from engine.workbench.catalogue_text import COLUMNS, sections, summary

__all__ = ["catalogue_routes"]


def catalogue_routes(source: Callable[[], tuple[Path, Sequence[str]]]) -> list[Route]:
    """`GET /catalogue` shows the channels of a folder as sites have them, or what lint says of them; `source`
    says which."""

    async def show(_: Request) -> Response:
        return await run_in_threadpool(lambda: _page(*source()))

    return [Route("/catalogue", show, methods=["GET"])]


def _page(folder: Path, sites: Sequence[str]) -> Response:
    try:
        found = catalogue(folder, sites)
    except Misconfigured as error:
        return page(
            "catalogue.html", 422, sites=sites, columns=COLUMNS, rows=[], sections=[], wrong=str(error)
        )
    rows = [summary(entry) for entry in found.channels]
    return page(
        "catalogue.html", sites=sites, columns=COLUMNS, rows=rows, sections=list(sections(found)), wrong=""
    )
