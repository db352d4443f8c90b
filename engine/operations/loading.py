"""The channels of editions, as operations read them: unpacked and loaded once, whoever asks.

What an edition is made of never changes under its digest, so that what was loaded is good for as long as the
process lives. To load a function is to run the top of its file: code that nobody approved is not loaded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from engine.config.loading import LoadedChannel
from engine.editions.opening import channels_of, packed_of
from engine.errors import Misconfigured
from engine.operations.operation import Desk, NotThere
from engine.store.contracts.editions import Edition

__all__ = ["NOTHING", "Loaded", "channel_of", "loaded", "new_code"]

_KEPT: Final = 8
"""Editions that stay loaded: the active one, one or two that still have work, and what is compared."""


class Loaded(NamedTuple):
    """The channels of an edition by their names, below a folder; number 0: nothing was ever deployed.
    `wrong` says why it cannot be read here."""

    number: int
    channels: Mapping[str, LoadedChannel]
    folder: Path = Path()
    wrong: str = ""


NOTHING: Final = Loaded(0, {})
_lock = threading.Lock()
_known: OrderedDict[bytes, Loaded] = OrderedDict()
_folders: list[TemporaryDirectory[str]] = []  # gone with the process


def loaded(desk: Desk, number: int = 0) -> Loaded:
    """An edition's channels; of 0 those of the active one. One that cannot be read says so in `wrong`: what
    people look at must not depend on it. Raises `NotThere` for a number that there is not, `Unavailable`."""
    if not number:
        active = desk.store.active()
        if active is None:
            return NOTHING
        number = active.edition
    edition = desk.store.edition(number)
    if edition is None:
        raise NotThere(f"there is no edition {number}")
    with _lock:
        found = _known.get(edition.digest)
        if found is None:
            found = _load(desk, edition)
            if not found.wrong:
                _known[edition.digest] = found
            while len(_known) > _KEPT:
                _known.popitem(last=False)
    return found._replace(number=number)


def channel_of(desk: Desk, name: str, number: int = 0) -> LoadedChannel | None:
    """A channel as an edition has it, or else as the active one does."""
    if number and desk.store.edition(number) is not None:
        found = loaded(desk, number).channels.get(name)
        if found is not None:
            return found
    return loaded(desk).channels.get(name)


def _load(desk: Desk, edition: Edition) -> Loaded:
    if not _folders:
        _folders.append(TemporaryDirectory(prefix="wardline-editions-"))
    try:
        if edition.state != "approved" and (name := new_code(desk, edition.number)):
            return Loaded(
                edition.number, {}, wrong=f"{name} is code that nobody approved yet: it is not run here"
            )
        channels = channels_of(desk.store, edition.number, Path(_folders[0].name))
    except Misconfigured as error:
        return Loaded(edition.number, {}, wrong=str(error))
    return Loaded(edition.number, {one.spec.channel: one for one in channels}, channels[0].path.parent)


def new_code(desk: Desk, number: int) -> str:
    """The first file of code that the active edition does not have as it is; empty when there is none."""
    active = desk.store.active()
    known = packed_of(desk.store, active.edition).files if active else {}
    files = packed_of(desk.store, number).files
    return next(
        (name for name in sorted(files) if name.endswith(".py") and known.get(name) != files[name]), ""
    )
