"""An edition out of the store as channels that can run."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from typing import Protocol

from engine.auditing import Act, AuditQuery
from engine.config.loading import LoadedChannel, load_channels
from engine.editions.packing import Packed, decoded, unpack
from engine.errors import Misconfigured
from engine.store.contracts.audit import AuditStore
from engine.store.contracts.editions import Edition, EditionStore

__all__ = ["Kept", "channels_of", "edition_of", "packed_of"]


def edition_of(store: EditionStore, number: int) -> Edition:
    """One edition. Raises `Misconfigured` when there is none of this number."""
    edition = store.edition(number)
    if edition is None:
        raise Misconfigured("there is no such edition", where=f"edition {number}", hint="wardline editions")
    return edition


class Kept(EditionStore, AuditStore, Protocol):
    """Where editions are, and what was said of them."""


def packed_of(store: Kept, number: int) -> Packed:
    """The files of an edition. Raises `Misconfigured` when they are not what was deployed: by their digest,
    and by the one that stands in the audit, for who can write the one row can write both of its columns."""
    edition = edition_of(store, number)
    about = store.entries(AuditQuery(act=Act.DEPLOY, object=f"edition:{number}", limit=1000))
    said = {one.entry.detail.get("digest", "") for one in about} - {""}
    if said and edition.digest.hex() not in said:
        raise Misconfigured(
            "the audit knows of no such files", where=f"edition {number}", hint="wardline audit verify"
        )
    try:
        return decoded(store.packed(number), edition.digest)
    except Misconfigured as error:
        raise Misconfigured(error.text, where=f"edition {number}", hint=error.hint) from None


def channels_of(store: Kept, number: int, into: Path) -> list[LoadedChannel]:
    """The channels of an edition, whose files are written below `into`, anew each time: what lies about for
    days may be half of it, for systems tidy up where temporary files are. Raises `Misconfigured`."""
    folder = into / f"edition-{number}-{token_hex(4)}"
    packed = packed_of(store, number)
    unpack(packed, folder)
    return load_channels(folder, packed.sites)
