"""T26, the pure half: which role has which permission, and which roles exclude each other."""

from __future__ import annotations

from itertools import combinations

import pytest

from engine.accounts.matrix import MATRIX, apart, may
from engine.accounts.words import Caller, Permission, Role

TABLE = """
                 viewer operator analyst approver privacy-officer administrator
own              x      x        x       x        x               x
see              x      x        x       x        x               x
find             .      x        x       .        x               .
content          .      x        .       .        x               .
fix              .      x        .       .        .               .
hold             .      x        .       .        .               .
author           .      .        x       .        .               .
approve          .      .        .       x        .               .
reconcile        .      x        x       .        .               .
audit            .      .        .       .        x               .
manage           .      .        .       .        .               x
"""
"""As it was decided, apart from the code."""

HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (Role(role), Permission(row[0]), mark == "x")
    for row in ROWS
    for role, mark in zip(HEAD, row[1:], strict=True)
]


@pytest.mark.parametrize(("role", "permission", "allowed"), CELLS)
def test_T26_every_cell(role: Role, permission: Permission, allowed: bool) -> None:
    assert may(Caller(name="a", roles=frozenset({role})), permission) is allowed


def test_the_table_leaves_out_nothing() -> None:
    assert {permission for _, permission, _ in CELLS} == set(Permission)
    assert {role for role, _, _ in CELLS} == set(Role) == set(MATRIX)


def test_nobody_without_a_role_may_anything() -> None:
    assert not any(may(Caller(name="a", roles=frozenset()), one) for one in Permission)


def test_who_fixes_or_writes_never_approves_and_who_manages_does_nothing_else() -> None:
    together = {pair for pair in combinations(Role, 2) if apart(pair) is None}
    for one, other in together:
        may_do = MATRIX[one] | MATRIX[other]
        assert not (Permission.APPROVE in may_do and may_do & {Permission.AUTHOR, Permission.FIX})
        assert Permission.MANAGE not in may_do or {one, other} == {Role.ADMINISTRATOR, Role.VIEWER}
