"""What pages need beside themselves: one style, fonts, a few scripts. All of it is in the package: a page
asks no other address for anything.

What others made is listed in `static/vendored.json` with its version, its licence and its hash (Subresource
Integrity, W3C), which a test holds it against.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

__all__ = ["ASSETS", "STATIC", "asset", "asset_routes", "stylesheet"]

STATIC: Final = Path(__file__).parent / "static"

ASSETS: Final = "/assets"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_KEPT: Final = "public, max-age=31536000, immutable"


def asset(name: str) -> str:
    """Where a page finds an asset: the address changes with the content, so that a browser may keep it."""
    return f"{ASSETS}/{name}?v={_digest(name)}"


def asset_routes() -> list[Route]:
    """`GET /assets/{name}` gives what is in the package, and nothing beside it; to everybody."""

    async def give(request: Request) -> Response:
        held = _held().get(request.path_params["name"])
        if held is None:
            return PlainTextResponse("There is no such asset.", 404)
        body, media = held
        return Response(body, media_type=media, headers={"cache-control": _KEPT})

    return [Route(ASSETS + "/{name}", give, methods=["GET"])]


def stylesheet() -> str:
    """The one style of all pages."""
    return (STATIC / "style.css").read_text("utf-8")


@cache
def _held() -> dict[str, tuple[bytes, str]]:
    return {
        path.name: (path.read_bytes(), _TYPES[path.suffix])
        for path in STATIC.iterdir()
        if path.suffix in _TYPES
    }


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_held()[name][0]).hexdigest()[:12]
