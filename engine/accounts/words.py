"""The nouns of accounts: roles, permissions, and whoever calls."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

__all__ = ["Caller", "Permission", "Role", "Via"]

Via = Literal["session", "token", "command"]
"""How a caller came: logged in at the console, with an API token, or at the command line."""


class Role(StrEnum):
    """What somebody is at the hospital, as far as Wardline goes."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ANALYST = "analyst"
    APPROVER = "approver"
    PRIVACY_OFFICER = "privacy-officer"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What an operation or a page needs of its caller."""

    OWN = "own"  # one's own account: password, sessions, tokens
    SEE = "see"  # states, counts, effects, documents, masked messages
    FIND = "find"  # look for messages by the number of a person, a visit, an order (audited)
    CONTENT = "content"  # see and export a message unmasked (with a reason, audited)
    FIX = "fix"  # redeliver, replay, skip, edit
    HOLD = "hold"  # pause, resume, hold, let go; take an alert on, make it quiet
    AUTHOR = "author"  # put an edition of the channels forward
    APPROVE = "approve"  # an edition or a repair that somebody else put forward
    RECONCILE = "reconcile"  # hold the books against Odoo, put a repair forward
    AUDIT = "audit"  # read, verify and export the audit
    MANAGE = "manage"  # accounts, sessions and tokens of others


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever asks for an operation: the name of the account (what the audit says), the roles that count for
    this call (an API token may have fewer than its owner), how they came, and from which address; `key` is
    the id of the session or of the token."""

    name: str
    roles: frozenset[Role]
    via: Via = "session"
    address: str = ""
    key: str = ""
