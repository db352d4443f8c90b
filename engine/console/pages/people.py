"""The page of people: who may come, as what; and what everybody sees of the own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.accounts.matrix import APART, MATRIX
from engine.accounts.words import Permission, Role
from engine.console.framing import told
from engine.console.pages.forms import caller_of, done, form, form_lists, looked
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.operations import accounts, own
from engine.operations.accounts import (
    AskAccount,
    AskAccounts,
    AskChange,
    AskEnd,
    AskInvite,
    AskRoles,
    Invitation,
)
from engine.operations.operation import Desk, Operation
from engine.operations.own import AskMake, AskNothing, AskOwn

__all__ = ["own_routes", "people_routes"]

ROLES: Final = (
    (Role.VIEWER, "sees traffic, channels, alerts, the books, masked messages"),
    (Role.OPERATOR, "finds messages, sees them unmasked with a reason, fixes, holds, checks the books"),
    (Role.ANALYST, "writes channels, finds messages, checks the books"),
    (Role.APPROVER, "approves what somebody else put forward"),
    (Role.PRIVACY_OFFICER, "finds messages, sees them unmasked with a reason, reads the audit"),
    (Role.ADMINISTRATOR, "makes accounts, and does nothing else"),
)

_WORDS: Final = {
    Permission.OWN: "the own account",
    Permission.SEE: "see traffic, channels, alerts, the books, masked messages",
    Permission.FIND: "find messages by the number of a person or a visit",
    Permission.CONTENT: "see a message unmasked, with a reason",
    Permission.FIX: "redeliver, replay, edit, skip",
    Permission.HOLD: "hold, let go, take alerts on",
    Permission.AUTHOR: "put an edition of the channels forward",
    Permission.APPROVE: "approve what somebody else put forward",
    Permission.RECONCILE: "check the books, put a repair forward",
    Permission.AUDIT: "read and export the audit",
    Permission.MANAGE: "accounts, sessions, tokens of others",
}


def people_routes(desk: Desk) -> list[Route]:
    """`/people`, for those who manage accounts."""
    pages = _People(desk)
    return [
        Route("/people", pages.list, methods=["GET"]),
        Route("/people", pages.invite, methods=["POST"]),
        Route("/people/sessions/{id}/end", pages.end, methods=["POST"]),
        Route("/people/tokens/{id}/revoke", pages.revoke, methods=["POST"]),
        Route("/people/{name}", pages.show, methods=["GET"]),
        Route("/people/{name}/roles", pages.roles, methods=["POST"]),
        Route("/people/{name}/reset", pages.reset, methods=["POST"]),
        Route("/people/{name}/disable", pages.change(accounts.DISABLE, "disabled"), methods=["POST"]),
        Route("/people/{name}/enable", pages.change(accounts.ENABLE, "enabled"), methods=["POST"]),
    ]


def own_routes(desk: Desk) -> list[Route]:
    """`/me`, for everybody."""
    pages = _Own(desk)
    return [
        Route("/me", pages.show, methods=["GET"]),
        Route("/me/tokens", pages.make, methods=["POST"]),
        Route("/me/tokens/{id}/revoke", pages.revoke, methods=["POST"]),
        Route("/me/sessions/{id}/end", pages.end, methods=["POST"]),
    ]


class _People:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request) -> Response:
        users = await looked(self._desk, request, accounts.ACCOUNTS, AskAccounts())
        return page(
            "people.html", users=users, now=self._desk.clock(), roles=ROLES, matrix=MATRIX,
            permissions=_WORDS, apart=[sorted(pair) for pair in APART],
        )  # fmt: skip

    async def show(self, request: Request) -> Response:
        asked = AskAccount(request.path_params["name"])
        shown = await looked(self._desk, request, accounts.ACCOUNT, asked)
        own = shown.account.name == caller_of(request).name
        return page("person.html", **_shown(shown, self._desk.clock()), roles=ROLES, own=own)

    async def invite(self, request: Request) -> Response:
        fields = await form_lists(request)
        first = {name: values[0] for name, values in fields.items()}
        asked = AskInvite(
            name=first.get("name", "").strip().lower(), who=first.get("who", ""), why=first.get("why", ""),
            roles=_roles(fields.get("roles", [])),
        )  # fmt: skip
        return self._invited(request, await looked(self._desk, request, accounts.INVITE, asked))

    async def reset(self, request: Request) -> Response:
        asked = AskChange(name=request.path_params["name"], why=(await form(request)).get("why", ""))
        return self._invited(request, await looked(self._desk, request, accounts.RESET, asked))

    async def roles(self, request: Request) -> Response:
        fields, name = await form_lists(request), request.path_params["name"]
        asked = AskRoles(name=name, roles=_roles(fields.get("roles", [])), why=fields.get("why", [""])[0])
        said = "Other roles from now on: whoever it is logs in again."
        return await done(self._desk, request, accounts.ROLES, asked, back=f"/people/{name}", said=said)

    def change(self, operation: Operation[AskChange, Any], word: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            name = request.path_params["name"]
            asked = AskChange(name=name, why=(await form(request)).get("why", ""))
            said = f"The account is {word}."
            return await done(self._desk, request, operation, asked, back=f"/people/{name}", said=said)

        return endpoint

    async def end(self, request: Request) -> Response:
        asked = AskEnd(id=request.path_params["id"], why=(await form(request)).get("why", ""))
        ended = await looked(self._desk, request, accounts.END, asked)
        return told(f"/people/{ended.user}", "The session is over.")

    async def revoke(self, request: Request) -> Response:
        asked = AskEnd(id=request.path_params["id"], why=(await form(request)).get("why", ""))
        revoked = await looked(self._desk, request, accounts.REVOKE, asked)
        return told(f"/people/{revoked.user}", "The token is revoked.")

    def _invited(self, request: Request, invitation: Invitation) -> Response:
        link = invitation.link
        shown = link if "://" in link else str(request.base_url).rstrip("/") + link
        return page("invited.html", name=invitation.name, link=shown, until=invitation.until)


class _Own:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def make(self, request: Request) -> Response:
        fields = await form_lists(request)
        days = fields.get("days", [""])[0]
        asked = AskMake(
            name=fields.get("name", [""])[0], roles=_roles(fields.get("roles", [])),
            days=int(days) if days.isdecimal() and len(days) < 6 else 0,
        )  # fmt: skip
        made = await looked(self._desk, request, own.MAKE, asked)
        return await self._page(request, made=made.secret)

    async def revoke(self, request: Request) -> Response:
        asked = AskOwn(request.path_params["id"])
        return await done(self._desk, request, own.REVOKE, asked, back="/me", said="The token is revoked.")

    async def end(self, request: Request) -> Response:
        asked = AskOwn(request.path_params["id"])
        return await done(self._desk, request, own.END, asked, back="/me", said="The session is over.")

    async def _page(self, request: Request, **more: Any) -> Response:
        shown = await looked(self._desk, request, own.SHOW, AskNothing())
        password = await run_in_threadpool(self._has_password, shown.account.name)
        roles = [role for role in ROLES if role[0].value in shown.account.roles]
        values = {"made": "", **_shown(shown, self._desk.clock()), **more}
        return page("own.html", **values, password=password, roles=roles, longest=own.LONGEST)

    def _has_password(self, name: str) -> bool:
        user = self._desk.store.user(name)
        return bool(user and user.password)


def _shown(shown: Any, now: float) -> dict[str, Any]:
    return {"user": shown.account, "sessions": shown.sessions, "tokens": shown.tokens, "now": now}


def _roles(words: list[str]) -> list[Role]:
    try:
        return [Role(word) for word in words]
    except ValueError:
        raise Misconfigured("there is no such role", where="roles", hint=", ".join(Role)) from None
