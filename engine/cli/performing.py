"""Operations at the command line: whoever may open the store there may do what people on duty do."""

from __future__ import annotations

import os
import time
from typing import TypeVar

from engine.accounts.words import Caller, Role
from engine.app.opening import ring_of
from engine.cli.acting import operator, sign
from engine.cli.show import open_named
from engine.operations.operation import Desk, Operation, perform
from engine.settings import Settings

__all__ = ["performed"]

Asked = TypeVar("Asked")
Given = TypeVar("Given")


def performed(
    store: str | None,
    operation: Operation[Asked, Given],
    asked: Asked,
    role: Role = Role.OPERATOR,
    *,
    may_make: bool = False,
) -> Given:
    """Do it as somebody with this role who sits there; what it recorded is signed and witnessed. Raises what
    `perform` raises."""
    settings = Settings.from_environment(store=store)
    opened = open_named(store, may_make=may_make)
    desk = Desk(opened, ring_of(settings), settings, time.time, os.environ)
    name, other = operator()
    caller = Caller(name=name, roles=frozenset({role}), via="command", address=other.get("account", ""))
    given = perform(desk, caller, operation, asked)
    if operation.method == "POST":
        sign(opened)
    return given
