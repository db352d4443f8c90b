"""Everything that the console has: each area with its pages, what it takes to see them, and where it stands
in the navigation. A page is added here, and nowhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from engine.accounts.matrix import MATRIX, may
from engine.accounts.words import Permission
from engine.config.loading import channel_files
from engine.console.api.routes import api_routes
from engine.console.assets import asset_routes
from engine.console.frame import Place
from engine.console.framing import THEME
from engine.console.guarding import inside
from engine.console.pages.alerts import alert_routes
from engine.console.pages.auditing import audit_routes
from engine.console.pages.books import books_routes
from engine.console.pages.cataloguing import catalogue_routes
from engine.console.pages.channels import channel_routes
from engine.console.pages.correcting import correct_routes
from engine.console.pages.executive import executive_routes
from engine.console.pages.fixing import fix_routes
from engine.console.pages.forms import SessionForms, caller_of, form
from engine.console.pages.interface import interface_routes
from engine.console.pages.manual import manual_routes
from engine.console.pages.messaging import message_routes
from engine.console.pages.people import own_routes, people_routes
from engine.console.pages.rendering import page
from engine.console.pages.traffic import traffic_routes
from engine.console.pages.trying import Trials, trial_routes
from engine.console.pages.worklist import worklist_routes
from engine.operations.every import OPERATIONS
from engine.operations.loading import loaded
from engine.operations.operation import Desk, Forbidden, NotThere, tell_refused

__all__ = ["Area", "areas", "places", "routes"]

WATCH: Final = "Watch"
RUN: Final = "Run"
PROVE: Final = "Account for"
KEEP: Final = "Administer"
HELP: Final = "Help"

_A_YEAR: Final = 365 * 86400

Endpoint = Callable[[Request], Awaitable[Response]]


class Area(msgspec.Struct, frozen=True):
    """Pages that belong together: `path` is where they begin and `name` what the navigation calls it (empty:
    not in it); every one of its `routes` takes the permission `needs`."""

    group: str
    path: str
    name: str
    needs: Permission
    routes: Sequence[Route]

    @property
    def place(self) -> Place:
        """Where the navigation has it."""
        return Place(self.group, self.path, self.name, self.needs)


def areas(desk: Desk) -> list[Area]:
    """All areas, in the order of the navigation."""
    return [
        Area(WATCH, "/traffic", "Traffic", Permission.SEE, traffic_routes(desk)),
        Area(WATCH, "/messages", "Messages", Permission.SEE, [*message_routes(desk), *correct_routes(desk)]),
        Area(WATCH, "/fixes", "", Permission.SEE, fix_routes(desk)),
        Area(WATCH, "/worklist", "Worklist", Permission.SEE, worklist_routes(desk)),
        Area(WATCH, "/alerts", "Alerts", Permission.SEE, alert_routes(desk)),
        Area(RUN, "/channels", "Channels", Permission.SEE, channel_routes(desk)),
        Area(
            RUN,
            "/try",
            "Try a message",
            Permission.AUTHOR,
            trial_routes(lambda: _trials(desk), SessionForms()),
        ),
        Area(RUN, "/catalogue", "Catalogue", Permission.SEE, catalogue_routes(lambda: _running(desk))),
        Area(PROVE, "/books", "Books", Permission.SEE, books_routes(desk)),
        Area(PROVE, "/audit", "Audit", Permission.AUDIT, audit_routes(desk)),
        Area(PROVE, "/executive", "Executive", Permission.SEE, executive_routes(desk)),
        Area(KEEP, "/people", "People", Permission.MANAGE, people_routes(desk)),
        Area(KEEP, "/me", "", Permission.OWN, own_routes(desk)),
        Area(HELP, "/manual", "Manual", Permission.SEE, manual_routes()),
        Area(HELP, "/api", "API", Permission.SEE, interface_routes(OPERATIONS)),
    ]


def places(desk: Desk) -> list[Place]:
    """The navigation."""
    return [area.place for area in areas(desk) if area.name]


def routes(desk: Desk) -> list[BaseRoute]:
    """All pages, the assets, and what every page has."""
    every = areas(desk)
    return [
        *asset_routes(),
        Route("/", _home(every), methods=["GET"]),
        Route("/standing", _standing, methods=["GET"]),
        Route("/theme", _theme, methods=["POST"]),
        *api_routes(desk, OPERATIONS),
        *(_guarded(desk, area, route) for area in every for route in area.routes),
    ]


def _running(desk: Desk) -> tuple[Path, tuple[str, ...]]:
    """The folder of the channels that run, and the sites that they are laid out for. Raises `NotThere` before
    anything was deployed."""
    found = loaded(desk)
    edition = desk.store.edition(found.number)
    if edition is None:
        raise NotThere("nothing was deployed yet")
    return found.folder, edition.sites


def _trials(desk: Desk) -> Trials:
    """What can be tried: the channels that run."""
    folder, sites = _running(desk)
    return Trials(lambda: channel_files([folder]), sites)


def _guarded(desk: Desk, area: Area, route: Route) -> Route:
    """The route for those who have the area's permission. Raises `Forbidden`, recorded, for others."""
    endpoint: Endpoint = route.endpoint

    async def checked(request: Request) -> Response:
        caller = caller_of(request)
        if not may(caller, area.needs):
            await run_in_threadpool(tell_refused, desk, caller, f"page:{area.path}")
            roles = " or ".join(sorted(role for role, has in MATRIX.items() if area.needs in has))
            raise Forbidden(f"The page {area.name or area.path} takes the role {roles}.")
        return await endpoint(request)

    return Route(route.path, checked, methods=sorted(route.methods or {"GET"}))


def _home(every: Sequence[Area]) -> Endpoint:
    async def home(request: Request) -> Response:
        """The first page that whoever comes may see."""
        mine = (area.path for area in every if area.name and may(caller_of(request), area.needs))
        return RedirectResponse(next(mine, "/me"), 303)

    return home


async def _standing(_: Request) -> Response:
    """The part of every page that says how the engine stands."""
    return page("standing.html")


async def _theme(request: Request) -> Response:
    """Light, dark, or as the system has it; kept in a cookie of this browser."""
    fields = await form(request)
    back = fields.get("back", "/")
    answer = RedirectResponse(back if inside(back) else "/", 303)
    theme = fields.get("theme", "")
    if theme in ("light", "dark"):
        answer.set_cookie(THEME, theme, max_age=_A_YEAR, httponly=True, samesite="strict", path="/")
    else:
        answer.delete_cookie(THEME, path="/", httponly=True, samesite="strict")
    return answer
