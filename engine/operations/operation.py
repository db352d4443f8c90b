"""What an operation is, and the one way to call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from engine.accounts.matrix import may
from engine.accounts.words import Caller, Permission
from engine.auditing import Act, Entry, Role
from engine.errors import Misconfigured, WardlineError
from engine.operations.refusing import Refusals
from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing

__all__ = ["Desk", "Forbidden", "NotThere", "Operation", "entry", "perform", "permit", "tell_refused"]

Asked = TypeVar("Asked")
Given = TypeVar("Given")

REASONED: Final = 3
"""Characters of a reason, at least."""

LONGEST: Final = 1000
"""Characters of a reason, at most: the audit keeps it for years."""

GREATEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps as it is (RFC 8259, section 6)."""


class Forbidden(WardlineError):
    """The caller's roles do not allow it. Ends at the door that the caller came by, as `NotThere` does."""


class NotThere(WardlineError):
    """What was asked for does not exist."""


@dataclass(frozen=True)
class Desk:
    """What operations work with. `clock` gives seconds since the epoch; `environ` where connections are."""

    store: Store
    ring: KeyRing
    settings: Settings
    clock: Callable[[], float]
    environ: Mapping[str, str] = field(repr=False, default_factory=dict)
    refusals: Refusals = field(repr=False, compare=False, default_factory=Refusals)


@dataclass(frozen=True)
class Operation(Generic[Asked, Given]):
    """One thing that people see or do.

    `name` is `subject.verb` (`messages.show`); `path` is where the API has it below its root, with `{field}`
    for fields of what is asked; GET only looks, POST acts. `text` is a sentence for people. `asks` is a
    msgspec struct, `gives` any type that msgspec encodes. One that a person has to answer for is `reasoned`:
    what is asked has a field `why`, and an empty one is refused."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    text: str
    needs: Permission
    asks: type[Asked]
    gives: Any
    call: Callable[[Desk, Caller, Asked], Given]
    reasoned: bool = False


def perform(desk: Desk, caller: Caller, operation: Operation[Asked, Given], asked: Asked) -> Given:
    """Do it, if the caller may. Raises `Forbidden` (which is recorded), `NotThere`, `Misconfigured` for what
    was asked wrongly (also a reason that is missing), `Unavailable`, `Unacceptable`."""
    permit(desk, caller, operation)
    asked = _in_a_line(asked)
    if operation.reasoned and len(str(getattr(asked, "why", "")).strip()) < REASONED:
        raise Misconfigured("say the reason, for the audit", where="why")
    _check_values(asked)
    return operation.call(desk, caller, asked)


def _in_a_line(asked: Asked) -> Asked:
    """What is asked, with the words for the audit as a line that a terminal shows as it is. Raises
    `Misconfigured` for more than a reason."""
    said = {name: getattr(asked, name, "") for name in ("why", "ticket")}
    plain = {
        name: " ".join("".join(one if one.isprintable() else " " for one in text).split())
        for name, text in said.items()
        if isinstance(text, str) and text
    }
    if long := next((name for name, text in plain.items() if len(text) > LONGEST), ""):
        raise Misconfigured(f"is longer than {LONGEST} characters", where=long)
    return msgspec.structs.replace(asked, **plain) if plain else asked  # type: ignore[type-var]


def _check_values(asked: Any) -> None:
    """Raise `Misconfigured` for what no store has: databases fail on such numbers, and PostgreSQL on NUL."""
    for name in getattr(asked, "__struct_fields__", ()):
        value = getattr(asked, name)
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, int) and abs(one) > GREATEST:
                raise Misconfigured("is out of bounds", where=name)
            if isinstance(one, str) and "\0" in one:
                raise Misconfigured("holds a NUL character", where=name)


def permit(desk: Desk, caller: Caller, operation: Operation[Any, Any]) -> None:
    """Raise `Forbidden`, which is recorded, when the caller may not do it."""
    if not may(caller, operation.needs):
        tell_refused(desk, caller, f"operation:{operation.name}")
        raise Forbidden(f"{operation.name} takes a role with the permission to {operation.needs.value}")


def entry(desk: Desk, caller: Caller, act: Act, object_: str, **more: Any) -> Entry:
    """An entry of the audit about what this caller does; `more` are the other fields of an entry."""
    told = {"via": caller.via, "roles": " ".join(sorted(caller.roles))}
    if caller.address:
        told["address"] = caller.address
    detail = {**told, **more.pop("detail", {})}
    role: Role = "operator" if caller.via == "command" else "user"
    return Entry(at=desk.clock(), who=caller.name, role=role, act=act, object=object_, detail=detail, **more)


def tell_refused(desk: Desk, caller: Caller, object_: str) -> None:
    """Record that the caller may not have it; of many times the same, with how many it has been so far."""
    times = desk.refusals.one_more(caller.name, object_, desk.clock())
    if times:
        detail = {"times": str(times)} if times > 1 else {}
        desk.store.record([entry(desk, caller, Act.FORBID, object_, outcome="refused", detail=detail)])
