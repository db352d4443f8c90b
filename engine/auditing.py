"""The nouns of the audit: who did what to what, when and why; and the signed points that hold it fast.

An entry never holds a value of a message. Its object is an id of ours, a token, or the name of a file, a
channel, a key; of a search it names the parameters, not what was looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

import msgspec

from engine.errors import Misconfigured

__all__ = [
    "Act",
    "AuditQuery",
    "Checkpoint",
    "Configuration",
    "Entry",
    "Recorded",
    "Result",
    "Role",
    "checked",
    "spread",
    "printable",
]


class Act(StrEnum):
    """What is audited: a closed list."""

    START = "start"  # an engine, or a service of it, began to work
    STOP = "stop"  # it ended as it was asked to
    CONFIGURE = "configure"  # a channel, the settings, the policy or a key is not what it was before
    DEPLOY = "deploy"  # a set of channels was proposed, approved, withdrawn, activated or refused
    LOOK = "look"  # content of messages or resources was shown
    SEARCH = "search"  # messages were looked for by an identifier, resources by their values
    EXPORT = "export"  # entries or content left for a file
    REDELIVER = "redeliver"  # dead letters were sent on their way again
    RELEASE = "release"  # effects that waited for the run of a schedule were carried out before it
    REIDENTIFY = "reidentify"  # who stands behind a token
    ERASE = "erase"  # what is known of a person was destroyed
    PURGE = "purge"  # what is past its time was destroyed
    ROTATE = "rotate"  # keys were replaced
    UNMERGE = "unmerge"  # a merge of persons was taken back
    INCIDENT = "incident"  # something identifying was stopped, or evidence contradicts the store
    PROVE = "prove"  # the proof of privacy was run
    LOGIN = "login"  # somebody came to the console, or was kept out
    FORBID = "forbid"  # somebody asked for what their roles do not allow
    ACCOUNT = "account"  # who may come, as what, with which tokens
    HOLD = "hold"  # a door, a channel or a destination was stopped, or let go
    SKIP = "skip"  # a dead letter was settled without effect
    REPLAY = "replay"  # messages go through today's channel again
    EDIT = "edit"  # the content of a message was corrected
    ALERT = "alert"  # an alert was taken on, or made quiet
    RECONCILE = "reconcile"  # the books were held against Odoo, or repaired
    BACKUP = "backup"  # a copy of the store was made, or put in its place


Role = Literal["engine", "operator", "client", "asker", "approver", "author", "reviewer", "user"]
"""As what somebody acted: the engine itself, a person at the command line, a client of the FHIR door, the
two persons that a re-identification takes, the two that an edition takes, and a user of the console (whose
roles stand in the detail)."""

Result = Literal["done", "asked", "approved", "shown", "refused", "failed"]

_LONGEST: Final = {"who": 200, "object": 200, "why": 500, "ticket": 200}
_DETAIL: Final = 8000
_DETAILS: Final = 50
_LISTED: Final = 400


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One act. `at` in seconds since the epoch; `who` a person, client or node; `why` and `ticket` as the
    person gave them; `detail` further words of ours: counts, hashes, names of parameters."""

    at: float
    who: str
    role: Role
    act: Act
    object: str
    why: str = ""
    ticket: str = ""
    outcome: Result = "done"
    detail: dict[str, str] = {}


class Recorded(msgspec.Struct, frozen=True):
    """An entry as it stands in the audit: its number, and the value of the chain with it (32 bytes)."""

    id: int
    entry: Entry
    chain: bytes


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: everything given must hold. `since` and `until` in seconds since the epoch. The oldest
    first, those after a number; or `newest` first, those before a number (0: all)."""

    since: float = 0.0
    until: float = 0.0
    who: str = ""
    act: str = ""
    object: str = ""
    after: int = 0
    before: int = 0
    newest: bool = False
    limit: int = 100


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the audit stood at a moment, signed (Ed25519, RFC 8032): `upto` is its newest entry, `chain` the
    value with it; `versions_upto` and `versions_chain` the same of the versions of resources. Checkpoints are
    numbered from 1 without a gap."""

    number: int
    upto: int
    at: float
    chain: bytes
    versions_upto: int
    versions_chain: bytes
    key_id: str
    signature: bytes = b""

    def signed(self) -> bytes:
        """What the signature is over: a JSON array."""
        return msgspec.json.encode(
            ["wardline audit checkpoint", self.number, self.upto, self.at, self.chain.hex(),
             self.versions_upto, self.versions_chain.hex(), self.key_id]
        )  # fmt: skip


class Configuration(msgspec.Struct, frozen=True):
    """Something that was loaded: its name (`channel:charges`), a digest of the whole, and of every place in
    it a digest of what stands there."""

    name: str
    digest: bytes
    places: dict[str, str]


def checked(entry: Entry) -> Entry:
    """The entry, if it may be written. Raises `Misconfigured` for texts that are too long or hold control
    characters, and for one without a `who` or an `object`."""
    for name, longest in _LONGEST.items():
        _check(name, getattr(entry, name), longest)
    if not entry.who or not entry.object:
        raise Misconfigured("an entry of the audit names who and what")
    if len(entry.detail) > _DETAILS:
        raise Misconfigured(f"an entry of the audit has at most {_DETAILS} details")
    for name, text in entry.detail.items():
        _check("detail", name, 40)
        _check("detail", text, _DETAIL)
    return entry


def spread(entry: Entry, name: str, ids: Iterable[int]) -> list[Entry]:
    """The entry with the detail `name` that lists these numbers: as often as it takes for all of them."""
    numbers = [str(one) for one in ids]
    parts = [" ".join(numbers[at : at + _LISTED]) for at in range(0, len(numbers), _LISTED)]
    return [msgspec.structs.replace(entry, detail={**entry.detail, name: part}) for part in parts or [""]]


def printable(text: str) -> str:
    """A name from outside, fit for an entry: what cannot be printed is a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _check(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise Misconfigured(f"has more than {longest} characters", where=name)
    if not text.isprintable():
        raise Misconfigured("holds characters that cannot be printed", where=name)
