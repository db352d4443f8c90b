"""The page of codes that messages wait for, and what lets them go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.pages.rendering import page
from engine.errors import Misconfigured, Unavailable
from engine.workbench.worklist import Wanted

__all__ = ["code_routes"]


def code_routes(wanted: Callable[[], Sequence[Wanted]] | None, folder: str) -> list[Route]:
    """`GET /codes` lists what `wanted` gives, with the command that resolves each in the `folder` of
    channels; without a store to ask it says how to name one."""

    async def show(_: Request) -> Response:
        if wanted is None:
            return page("codes.html", wanted=[], folder=folder, asked=False, wrong="")
        try:
            found = await run_in_threadpool(wanted)
        except (Misconfigured, Unavailable) as error:
            return page("codes.html", 503, wanted=[], folder=folder, asked=True, wrong=str(error))
        return page("codes.html", wanted=found, folder=folder, asked=True, wrong="")

    return [Route("/codes", show, methods=["GET"])]
