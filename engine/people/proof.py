"""Who somebody is at the command line: the person of the people file whose key they hold."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from engine.errors import Misconfigured
from engine.people.file import read_people
from engine.people.keys import key_in, read_key
from engine.people.words import Person, Role
from engine.slow_hashes import holds

__all__ = ["proved"]


def proved(people: Path, key_file: Path, roles: Collection[Role]) -> tuple[Person, Role]:
    """The person whose key is in `key_file`, and the first of `roles` that the person has. Raises
    `Misconfigured` that shows nothing of the key, also for somebody who has none of these roles."""
    key = read_key(key_in(key_file))
    person = read_people(people).people.get(key.name) if key else None
    if key is None or person is None or not holds(key.text, person.key):
        raise Misconfigured("this key is nobody's", where=str(key_file), hint="wardline person add, or renew")
    if person.certificates:
        raise Misconfigured(
            f"{person.name} needs a certificate too, and a command line shows none",
            where=str(people),
            hint="keep those who deploy in a people file of their own",
        )
    role = next((one for one in roles if one in person.roles), None)
    if role is None:
        raise Misconfigured(f"{person.name} is no {' or '.join(roles)}", where=str(people))
    return person, role
