"""What is around every page: who looks, where one can go, how the engine stands.

A page does not pass it on: whoever serves the request puts it here, and the templates take it from here.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Literal

import msgspec

from engine.accounts.matrix import may
from engine.accounts.words import Caller, Permission

__all__ = ["FRAME", "Frame", "Place", "Said", "Standing", "Theme"]

Theme = Literal["auto", "light", "dark"]


class Place(msgspec.Struct, frozen=True):
    """Somewhere to go: `group` is the heading that it stands under, `needs` what a caller must be allowed."""

    group: str
    path: str
    name: str
    needs: Permission


class Standing(msgspec.Struct, frozen=True):
    """How the engine stands, as the store knows it: `engine` in a word or two, `kind` how bad that is;
    `alerts` that are open, `dead` letters that wait for somebody."""

    engine: str = "unknown"
    kind: Literal["good", "warn", "bad", "quiet"] = "quiet"
    alerts: int = 0
    dead: int = 0


class Said(msgspec.Struct, frozen=True):
    """What the last act came to, shown once."""

    text: str
    kind: Literal["good", "warn", "bad"] = "good"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Around one page. `token` is what its forms carry; `environment` how the installation calls itself."""

    path: str
    caller: Caller | None = None
    token: str = ""
    theme: Theme = "auto"
    environment: str = ""
    productive: bool = False
    places: tuple[Place, ...] = ()
    standing: Standing = Standing()
    said: Said | None = None
    version: str = ""

    def may(self, permission: str) -> bool:
        """Whether the caller has this permission: what is of no use to somebody is not offered."""
        return self.caller is not None and may(self.caller, Permission(permission))

    def grouped(self) -> list[tuple[str, list[Place]]]:
        """The places that the caller may see, under their headings, in the order of the site."""
        groups: dict[str, list[Place]] = {}
        for place in self.places:
            if self.caller is not None and may(self.caller, place.needs):
                groups.setdefault(place.group, []).append(place)
        return list(groups.items())

    def at(self, place: Place) -> bool:
        """Whether the page is in this place."""
        return self.path == place.path or self.path.startswith(place.path + "/")


FRAME: ContextVar[Frame | None] = ContextVar("frame", default=None)
"""Around the page that is being made; None outside the console (the workbench of one person, a file)."""
