"""Single sign-on as the settings have it."""

from __future__ import annotations

import time

from engine.access.https import ask
from engine.accounts.identity import Single, mapped
from engine.accounts.sign_on import SignOn
from engine.errors import Misconfigured
from engine.secret_files import read_secret
from engine.settings import Settings

__all__ = ["sign_on_of", "single_of"]


def sign_on_of(settings: Settings, url: str) -> SignOn | None:
    """Single sign-on for a console at this address; None where the settings name no issuer. Raises
    `Misconfigured`."""
    single = single_of(settings, url)
    return SignOn(single, ask, time.time) if single else None


def single_of(settings: Settings, url: str) -> Single | None:
    """What the settings say of it. Raises `Misconfigured`, also where nobody could come in."""
    if not settings.oidc_issuer:
        if not settings.passwords:
            raise Misconfigured(
                "nobody could come in",
                where="WARDLINE_PASSWORDS",
                hint="WARDLINE_OIDC_ISSUER names who tells who it is",
            )
        return None
    if not settings.oidc_issuer.startswith("https://"):
        raise Misconfigured("the issuer is asked over https only", where="WARDLINE_OIDC_ISSUER")
    if not settings.oidc_client:
        raise Misconfigured("says not as whom we ask", where="WARDLINE_OIDC_CLIENT")
    roles = mapped(settings.oidc_roles)
    if not roles:
        raise Misconfigured(
            "says of no group which role it has",
            where="WARDLINE_OIDC_ROLES",
            hint="wardline-ops=operator viewer",
        )
    return Single(
        issuer=settings.oidc_issuer, client=settings.oidc_client, redirect=f"{url}/oidc/callback",
        secret=read_secret(settings.oidc_secret, "client's secret").strip() if settings.oidc_secret else "",
        groups=settings.oidc_groups, roles=roles,
    )  # fmt: skip
