"""Who puts editions forward and approves them: in production a person with a key, else whoever sits there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from engine.auditing import Act, Entry
from engine.cli.acting import act, entry
from engine.errors import Misconfigured
from engine.people.proof import proved
from engine.people.words import Role
from engine.settings import Settings
from engine.store.contracts.audit import AuditStore

__all__ = ["KeyOption", "in_production", "teller"]

KeyOption = Annotated[
    Path | None,
    typer.Option("--key", envvar="WARDLINE_PERSON_KEY", help="The file with your key: yours alone."),
]


def in_production() -> bool:
    """Whether a second person approves what is deployed."""
    return Settings.from_environment().mode == "production"


def teller(
    store: AuditStore,
    object_: str,
    key: Path | None,
    roles: Sequence[Role],
    *,
    why: str,
    ticket: str,
    about: Act = Act.DEPLOY,
) -> Entry:
    """The entry about what this command is about to do to what takes two persons (editions, repairs), by
    whom: in production by a person of `WARDLINE_PEOPLE` who has one of these roles. Raises `Misconfigured`,
    which stands in the audit then."""
    told = entry(about, object_, why=why, ticket=ticket)
    settings = Settings.from_environment()
    if settings.mode != "production":
        return told
    try:
        person, role = _person(settings, key, roles)
    except Misconfigured as refusal:
        act(store, about, object_, why=why, ticket=ticket, outcome="refused", reason=refusal.text)
        raise
    return replace(told, who=person, role=role, detail={**told.detail, "account": told.who})


def _person(settings: Settings, key: Path | None, roles: Sequence[Role]) -> tuple[str, str]:
    if settings.people is None:
        raise Misconfigured(
            "in production, people prove themselves", where="WARDLINE_PEOPLE", hint="wardline person add"
        )
    if key is None:
        raise Misconfigured("in production, people prove themselves", where="--key", hint="your key's file")
    person, role = proved(settings.people, key, roles)
    return person.name, role.value
