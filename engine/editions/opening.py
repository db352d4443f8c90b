"""An edition out of the store as channels that can run."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from engine.config.loading import LoadedChannel, load_channels
from engine.editions.packing import Packed, decoded, unpack
from engine.errors import Misconfigured
from engine.model import Edition
from engine.store.base import EditionStore

__all__ = ["channels_of", "edition_of", "packed_of"]


def edition_of(store: EditionStore, number: int) -> Edition:
    """One edition. Raises `Misconfigured` when there is none of this number."""
    edition = store.edition(number)
    if edition is None:
        raise Misconfigured("there is no such edition", where=f"edition {number}", hint="wardline editions")
    return edition


def packed_of(store: EditionStore, number: int) -> Packed:
    """The files of an edition. Raises `Misconfigured` when they are not what was deployed."""
    edition = edition_of(store, number)
    try:
        return decoded(store.packed(number), edition.digest)
    except Misconfigured as error:
        raise Misconfigured(error.text, where=f"edition {number}", hint=error.hint) from None


def channels_of(store: EditionStore, number: int, into: Path) -> list[LoadedChannel]:
    """The channels of an edition, whose files are written below `into`, anew each time: what lies about for
    days may be half of it, for systems tidy up where temporary files are. Raises `Misconfigured`."""
    folder = into / f"edition-{number}-{token_hex(4)}"
    packed = packed_of(store, number)
    unpack(packed, folder)
    return load_channels(folder, packed.sites)
