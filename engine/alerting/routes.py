"""Where people on duty are reached: routes by name, out of the environment.

A channel names routes; addresses and secrets are settings, as those of connections are. A route is an
address of SMTP (`smtp://mail.hospital.example:587`, `smtps://…`) or one of HTTPS that takes a POST: a webhook
of your own, Slack's, Microsoft Teams'.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, cast, get_args
from urllib.parse import urlsplit

from engine.errors import Misconfigured

__all__ = ["Route", "RouteKind", "is_loopback", "read_address", "route_of", "route_variable", "routes_of"]

RouteKind = Literal["mail", "webhook", "slack", "teams"]

_PORTS: Final = {"smtp": 25, "smtps": 465}
_HINT: Final = "smtp://mail.hospital.example:587 or https://…"


@dataclass(frozen=True)
class Route:
    """One route. `url` may itself be a secret (Slack's and Teams' are); `secret` is what a webhook's body is
    signed with; `plain` allows SMTP and HTTP without TLS."""

    name: str
    kind: RouteKind
    url: str = field(repr=False)
    to: tuple[str, ...] = ()
    sender: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    ca: str = ""
    plain: bool = False

    @property
    def host(self) -> str:
        """Whom it leads to, as people may be shown it."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 443)}"


def route_variable(name: str) -> str:
    """`on-duty` → `WARDLINE_NOTIFY_ON_DUTY`."""
    return f"WARDLINE_NOTIFY_{name.upper().replace('-', '_')}"


def routes_of(
    names: Collection[str], env: Mapping[str, str], *, insecure_ok: bool = False
) -> dict[str, Route]:
    """The routes of these names. Raises `Misconfigured` naming the variable that is missing or wrong."""
    return {name: route_of(name, env, insecure_ok=insecure_ok) for name in sorted(set(names))}


def route_of(name: str, env: Mapping[str, str], *, insecure_ok: bool = False) -> Route:
    """The route `name` out of `WARDLINE_NOTIFY_<NAME>_URL`, `_KIND`, `_TO`, `_FROM`, `_USER`, `_PASSWORD`,
    `_SECRET`, `_CA`. A URL, password or secret may be `file:PATH`. Raises `Misconfigured`."""
    here = route_variable(name)

    def word(last: str) -> str:
        return _secret(env.get(f"{here}_{last}", "").strip(), f"{here}_{last}")

    url = word("URL")
    if not url:
        raise Misconfigured("is not set", where=f"{here}_URL", hint=_HINT)
    plain = insecure_ok or is_loopback(url)
    read_address(url, f"{here}_URL", plain=plain)
    route = Route(
        name=name,
        kind=_kind(url, word("KIND"), f"{here}_KIND"),
        url=url,
        to=tuple(part.strip() for part in word("TO").split(",") if part.strip()),
        sender=word("FROM"),
        user=word("USER"),
        password=word("PASSWORD"),
        secret=word("SECRET"),
        ca=word("CA"),
        plain=plain,
    )
    _complete(route, here)
    return route


def read_address(url: str, where: str, *, plain: bool) -> None:
    """Refuse what is no address of SMTP or HTTPS, or of HTTP where that is not allowed."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Misconfigured("is no address", where=where, hint=_HINT) from None
    if parts.scheme not in ("smtp", "smtps", "https", "http") or not parts.hostname:
        raise Misconfigured("is no address", where=where, hint=_HINT)
    if parts.username or parts.password:
        raise Misconfigured(
            "may hold no user and no password", where=where, hint="they have settings of their own"
        )
    if parts.scheme == "http" and not plain:
        raise Misconfigured(
            "is not protected by TLS", where=where, hint="https://, or WARDLINE_INSECURE_OK=yes"
        )


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _kind(url: str, said: str, where: str) -> RouteKind:
    if url.startswith(("smtp:", "smtps:")):
        if said not in ("", "mail"):
            raise Misconfigured("is mail where the address is of SMTP", where=where)
        return "mail"
    if said in get_args(RouteKind) and said != "mail":
        return cast(RouteKind, said)
    if said:
        raise Misconfigured("is none of webhook, slack, teams", where=where)
    return "slack" if urlsplit(url).hostname == "hooks.slack.com" else "webhook"


def _complete(route: Route, here: str) -> None:
    if route.kind != "mail":
        return
    for last, given in (("TO", route.to), ("FROM", route.sender)):
        if not given:
            raise Misconfigured("is not set", where=f"{here}_{last}", hint="an address of e-mail")
    for address in (*route.to, route.sender):
        if "@" not in address or not address.isprintable() or " " in address:
            raise Misconfigured("holds what is no address of e-mail", where=f"{here}_TO, {here}_FROM")
    if bool(route.user) != bool(route.password):
        raise Misconfigured("goes with the other", where=f"{here}_USER, {here}_PASSWORD")


def _secret(text: str, where: str) -> str:
    if not text.startswith("file:"):
        return text
    try:
        return Path(text.removeprefix("file:")).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("names a file that cannot be read", where=where) from None
