"""Which role may do what, and which roles one account may not have together.

The table is the whole rule: every operation and every page names one permission, and nothing else decides.
Duties are kept apart twice: by roles that exclude each other, and for each edition and each repair, which
nobody approves who put it forward.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from engine.accounts.words import Caller, Permission, Role

__all__ = ["APART", "MATRIX", "apart", "may"]

_EVERYBODY: Final = frozenset({Permission.OWN, Permission.SEE})

MATRIX: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _EVERYBODY,
    Role.OPERATOR: _EVERYBODY
    | {Permission.FIND, Permission.CONTENT, Permission.FIX, Permission.HOLD, Permission.RECONCILE},
    Role.ANALYST: _EVERYBODY | {Permission.FIND, Permission.AUTHOR, Permission.RECONCILE},
    Role.APPROVER: _EVERYBODY | {Permission.APPROVE},
    Role.PRIVACY_OFFICER: _EVERYBODY | {Permission.FIND, Permission.CONTENT, Permission.AUDIT},
    Role.ADMINISTRATOR: _EVERYBODY | {Permission.MANAGE},
}

APART: Final[tuple[frozenset[Role], ...]] = (
    frozenset({Role.APPROVER, Role.ANALYST}),
    frozenset({Role.APPROVER, Role.OPERATOR}),
    *(
        frozenset({Role.ADMINISTRATOR, role})
        for role in Role
        if role not in (Role.ADMINISTRATOR, Role.VIEWER)
    ),
)
"""Roles that no account has together."""


def may(caller: Caller, permission: Permission) -> bool:
    """Whether one of the caller's roles has the permission."""
    return any(permission in MATRIX[role] for role in caller.roles)


def apart(roles: Collection[Role]) -> frozenset[Role] | None:
    """Two of these roles that no account may have together; None where there are none."""
    return next((pair for pair in APART if pair <= frozenset(roles)), None)
