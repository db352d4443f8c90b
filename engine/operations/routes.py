"""The routes that people on duty are told by: which there are, who names them, and whether one works."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.alerting.routes import route_of
from engine.alerting.telling import send
from engine.alerting.wording import Event, Telling
from engine.auditing import Act
from engine.errors import Misconfigured, Unavailable
from engine.model import Owner
from engine.operations.loading import loaded
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.watching import Alert, Kind, cause_of

__all__ = ["LIST", "OPERATIONS", "TEST", "AskRoutes", "AskTest", "RouteView", "Tested"]


class AskRoutes(msgspec.Struct, frozen=True):
    """Nothing more is asked."""


class AskTest(msgspec.Struct, frozen=True):
    """A route by its name."""

    route: str


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """A route: of which kind (`mail`, `webhook`, `slack`, `teams`), at which host, told of the `node` itself
    or not, named by which channels; `wrong` says what about its settings cannot be. Its address is not shown:
    it may be a secret."""

    name: str
    kind: str
    host: str
    node: bool
    channels: tuple[str, ...]
    wrong: str = ""


class Tested(msgspec.Struct, frozen=True):
    """Whether the route took a test; where not, `why`."""

    sent: bool
    why: str = ""


def _list(desk: Desk, _: Caller, __: AskRoutes) -> list[RouteView]:
    return [_view(desk, name, channels) for name, channels in sorted(_named(desk).items())]


def _test(desk: Desk, caller: Caller, asked: AskTest) -> Tested:
    """Only a route that is named somewhere: nobody tries out addresses here."""
    if asked.route not in _named(desk):
        raise NotThere("no setting and no channel names this route")
    route = route_of(asked.route, desk.environ, insecure_ok=desk.settings.insecure_ok)
    told = entry(desk, caller, Act.ALERT, f"route:{asked.route}", detail={"test": "yes"})
    desk.store.record([told])
    place = desk.settings.environment or desk.settings.mode
    try:
        send(route, Telling([Event("opened", _trial(told.at))], f"{place}, a test", "", told.at))
    except Unavailable as error:
        return Tested(False, str(error))
    return Tested(True)


def _named(desk: Desk) -> dict[str, list[str]]:
    """The routes that settings and the active edition name, each with its channels."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in desk.settings.notify:
        found[name] = []
    for channel in loaded(desk).channels.values():
        alerts = channel.spec.alerts
        for name in dict.fromkeys((*alerts.to, *alerts.business)):
            found[name].append(channel.spec.channel)
    return found


def _view(desk: Desk, name: str, channels: list[str]) -> RouteView:
    kind = host = wrong = ""
    try:
        route = route_of(name, desk.environ, insecure_ok=desk.settings.insecure_ok)
        kind, host = route.kind, route.host
    except Misconfigured as error:
        wrong = str(error)
    return RouteView(
        name=name, kind=kind, host=host, node=name in desk.settings.notify, channels=tuple(channels),
        wrong=wrong,
    )  # fmt: skip


def _trial(now: float) -> Alert:
    """What never happened, and says so."""
    subject = "test"
    return Alert(
        id=0, cause=cause_of(Kind.SILENT, subject), kind=Kind.SILENT, subject=subject, channel="",
        owner=Owner.TECHNICAL, opened_at=now, seen_at=now, value=0.0, worst=0.0, limit=0.0,
        said={"expected": "nothing: this is a test of the route"},
    )  # fmt: skip


LIST: Final[Operation[AskRoutes, list[RouteView]]] = Operation(
    "routes.list", "GET", "/routes", "By which routes people on duty are told, and who names them.",
    Permission.SEE, AskRoutes, list[RouteView], _list,
)  # fmt: skip
TEST: Final[Operation[AskTest, Tested]] = Operation(
    "routes.test", "POST", "/routes/{route}/test", "Send a test by a route.",
    Permission.MANAGE, AskTest, Tested, _test,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (LIST, TEST)
