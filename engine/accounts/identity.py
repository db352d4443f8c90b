"""Who somebody is, as an ID token of OpenID Connect says it, and which roles their groups have here. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.access.jwt import check_times
from engine.access.untrusted import Untrusted
from engine.accounts.changing import NAME, checked_roles
from engine.accounts.words import Role
from engine.errors import Misconfigured

__all__ = ["Identity", "Single", "check_claims", "identity_of", "mapped"]

LONGEST: Final = 24 * 3600.0
"""Seconds that an ID token may be good for, at most; it is looked at once."""

FRESH: Final = 600.0
"""Seconds since it was issued, at most."""


class Single(msgspec.Struct, frozen=True, kw_only=True):
    """Single sign-on as the settings have it: who tells who somebody is, as whom we ask, where they come back
    to; `groups` is the claim that names groups, `roles` which group has which roles. Has no `repr`."""

    issuer: str
    client: str
    secret: str
    redirect: str
    groups: str
    roles: Mapping[str, frozenset[Role]]

    def __repr__(self) -> str:
        return f"Single({self.issuer!r})"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the directory knows: the subject never changes, the others may."""

    issuer: str
    subject: str
    name: str
    who: str
    roles: tuple[str, ...]


def mapped(text: str) -> dict[str, frozenset[Role]]:
    """Read `wardline-ops=operator viewer, wardline-audit=privacy-officer`: which group has which roles.
    Raises `Misconfigured`."""
    found: dict[str, frozenset[Role]] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        group, _, words = part.rpartition("=")
        try:
            roles = frozenset(Role(word) for word in re.split(r"[\s+]+", words.strip()))
        except ValueError:
            roles = frozenset()
        if not group.strip() or not roles:
            raise Misconfigured(
                "is not which group has which roles", where="WARDLINE_OIDC_ROLES",
                hint=f"wardline-ops=operator viewer, …; roles are {', '.join(Role)}",
            )  # fmt: skip
        found[group.strip()] = found.get(group.strip(), frozenset()) | roles
    return found


def check_claims(claims: Mapping[str, Any], single: Single, nonce: str, now: float) -> None:
    """Whether an ID token whose signature holds is for us, from them, about this log-in, and fresh (OpenID
    Connect Core 1.0, 3.1.3.7). Raises `Untrusted`."""
    if claims.get("iss") != single.issuer:
        raise Untrusted("issuer")
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if single.client not in listed:
        raise Untrusted("audience")
    if (len(listed) > 1 or "azp" in claims) and claims.get("azp") != single.client:
        raise Untrusted("audience")
    check_times(claims, now, ahead=LONGEST)
    issued = claims.get("iat")
    if not isinstance(issued, int | float) or isinstance(issued, bool) or issued < now - FRESH:
        raise Untrusted("lifetime")
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise Untrusted("replayed")


def identity_of(claims: Mapping[str, Any], single: Single) -> Identity:
    """Who these claims are about. Raises `Untrusted` without a subject or a name that can be used,
    `Misconfigured` for somebody whose groups have no role here, or roles that are kept apart."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable():
        raise Untrusted("client")
    name = _name(claims)
    if not NAME.fullmatch(name):
        raise Untrusted("client")
    groups = claims.get(single.groups, [])
    listed = (
        {groups}
        if isinstance(groups, str)
        else set(filter(_is_text, groups if isinstance(groups, list) else ()))
    )
    roles = frozenset[Role]().union(*(single.roles[group] for group in listed & single.roles.keys()))
    if not roles:
        raise Misconfigured("no group of yours has a role here")
    return Identity(
        issuer=single.issuer, subject=subject, name=name, who=_who(claims, name), roles=checked_roles(roles)
    )


def _name(claims: Mapping[str, Any]) -> str:
    """A name that the audit can say, out of what the directory calls somebody."""
    said = (claims.get(word) for word in ("preferred_username", "email", "sub"))
    text = next((one for one in said if isinstance(one, str) and one), "")
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.partition("@")[0].casefold())
    return plain.strip("._-")[:64].rstrip("._-")


def _who(claims: Mapping[str, Any], name: str) -> str:
    said = claims.get("name")
    text = " ".join(said.split())[:200] if isinstance(said, str) else ""
    return text if len(text) >= 3 and text.isprintable() else f"{name}, of the directory"


def _is_text(one: object) -> bool:
    return isinstance(one, str)
