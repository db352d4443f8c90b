"""What a people file says of somebody."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Limits", "Person", "Role"]


class Role(StrEnum):
    """What a person may do."""

    ASKER = "asker"  # ask who is behind a token
    APPROVER = "approver"  # approve that somebody else asks so
    AUTHOR = "author"  # put an edition of the channels forward
    REVIEWER = "reviewer"  # approve an edition that somebody else put forward


class Person(msgspec.Struct, frozen=True):
    """Somebody who may come here. `key` is the slow hash of the person's key (PHC string), never shown;
    `certificates` are the names or thumbprints of which the connection must show one (empty: any)."""

    name: str
    who: str
    roles: frozenset[Role]
    key: str
    certificates: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Person({self.name!r})"


class Limits(msgspec.Struct, frozen=True):
    """Requests within an hour: `alone` a person is answered without another one's approval, `person` it may
    send at all, `everybody` all together may send."""

    alone: int = 20
    person: int = 60
    everybody: int = 200
