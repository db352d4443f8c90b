"""What may be done with editions, and by whom: put forward, approved, withdrawn, made active, gone back to.

Each step stands in the audit by the same commit that does it (`EditionStore`). In production two persons make
an edition run: an author puts it forward, a reviewer who is another one approves it. In development whoever
deploys does both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from engine.auditing import Entry
from engine.config.loading import load_channels
from engine.editions.opening import edition_of
from engine.editions.packing import Packed, pack
from engine.errors import Misconfigured
from engine.store.contracts.editions import Activation, Edition, EditionStore

__all__ = [
    "activate", "approve", "approved_by_another", "before", "propose", "put_in_force", "take_folder",
    "withdraw",
]  # fmt: skip


def propose(store: EditionStore, packed: Packed, told: Entry) -> Edition:
    """Put a set of channels forward; one that was put forward before is that one."""
    said = _step(told, "proposed", files=str(len(packed.files)), digest=packed.digest.hex())
    return store.propose(packed.digest, packed.encoded(), packed.sites, at=told.at, why=told.why, told=said)


def approve(store: EditionStore, number: int, told: Entry, after: int | None = None) -> Activation:
    """Approve an edition and make it active. Raises `Misconfigured` for one that the same person put forward,
    and for anybody but a reviewer or a user of the console, whom its roles let: whoever sits at a command
    line without a key may have any name (with an @, which no name of a person has). `after` is the activation
    that the reviewer saw it compared with: when another one came since, nothing is approved.

    One that was approved and never made active, because that did not come to an end, is made so."""
    edition = edition_of(store, number)
    if told.role not in ("reviewer", "user"):
        raise Misconfigured(
            "a reviewer approves it, by a key", where=f"edition {number}", hint="WARDLINE_MODE=production"
        )
    if told.who == edition.who:
        raise Misconfigured("somebody else has to approve it: never one's own", where=f"edition {number}")
    if "@" in edition.who:
        raise Misconfigured(
            "it was put forward without a key", where=f"edition {number}", hint="wardline deploy by an author"
        )
    if after is not None and after != (active.id if (active := store.active()) else 0):
        raise Misconfigured(
            "another edition became active meanwhile", where=f"edition {number}", hint="look again"
        )
    if edition.state != "approved" or any(one.edition == number for one in store.activations()):
        store.decide(number, "approved", at=told.at, told=_step(told, "approved"))
    return _activated(store, number, told, after)


def withdraw(store: EditionStore, number: int, told: Entry) -> Edition:
    """Take a proposed edition back. Raises `Misconfigured`."""
    return store.decide(number, "withdrawn", at=told.at, told=_step(told, "withdrawn"))


def activate(store: EditionStore, number: int, told: Entry, after: int | None = None) -> Activation:
    """Make an approved edition the active one. Raises `Misconfigured`; also for the active one."""
    active = store.active()
    if active is not None and active.edition == number:
        raise Misconfigured("it is the active one already", where=f"edition {number}")
    return _activated(store, number, told, after)


def put_in_force(store: EditionStore, packed: Packed, told: Entry, after: int | None = None) -> Activation:
    """Development: put channels forward, approve them alone, and make them active; the active ones stay.

    What somebody else put forward is withdrawn first: their name would look like that of a second person."""
    edition = propose(store, packed, told)
    if edition.state == "proposed" and edition.who != told.who:
        withdraw(store, edition.number, told)
        edition = propose(store, packed, told)
    if edition.state == "proposed":
        store.decide(edition.number, "approved", at=told.at, told=_step(told, "approved", mode="development"))
    active = store.active()
    if active and active.edition == edition.number:
        return active
    return activate(store, edition.number, told, after)


def before(store: EditionStore) -> int:
    """The edition to go back to: the one that was active before the active one came. Going back twice goes
    back further. Raises `Misconfigured` when there is none."""
    path: list[int] = []
    for one in reversed(store.activations()):
        path = path[: path.index(one.edition)] if one.edition in path else path
        path.append(one.edition)
    if len(path) < 2:
        raise Misconfigured("there is no edition to go back to", hint="wardline editions")
    return path[-2]


def take_folder(store: EditionStore, folder: Path, sites: Sequence[str], told: Entry) -> Activation:
    """Development: what a folder holds becomes the active edition, unless it is that already. Raises
    `Misconfigured` for channels that cannot run."""
    packed = pack(folder, sites)
    active = store.active()
    if active is not None and edition_of(store, active.edition).digest == packed.digest:
        return active
    load_channels(folder, sites)
    return put_in_force(store, packed, told)


def approved_by_another(edition: Edition) -> bool:
    """Whether two persons stand behind an edition: without that it does not run in production."""
    return edition.state == "approved" and edition.decided_by != edition.who


def _activated(store: EditionStore, number: int, told: Entry, after: int | None) -> Activation:
    active = store.active()
    detail = {"before": str(active.edition)} if active else {}
    said = _step(told, "activated", **detail)
    return store.activate(number, at=told.at, why=told.why, told=said, after=after)


def _step(told: Entry, step: str, **detail: str) -> Entry:
    return replace(told, detail={**told.detail, "step": step, **detail})
