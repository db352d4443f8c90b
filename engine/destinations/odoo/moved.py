"""What a merge moved: written down before it is moved, so that exactly that can be moved back.

A delivery's progress keeps it as JSON under `moved`. A merge that is interrupted and begun again finds less
to move; what it wrote down before stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

__all__ = ["MOVED", "Moved", "read_moved"]

MOVED: Final = "moved"
"""The word in a delivery's progress."""


class Moved(msgspec.Struct, frozen=True, omit_defaults=True):
    """Ids in Odoo: the contact's parent before it was merged away (0: none), the contacts that lay below it,
    and by model the documents that were made out to it; `names` are the orders' own references before."""

    parent: int = 0
    contacts: tuple[int, ...] = ()
    documents: dict[str, tuple[int, ...]] = {}
    names: dict[int, str] = {}

    def and_then(self, more: Moved) -> Moved:
        """This and what was found later; what was first said of a thing stays."""
        models = {*self.documents, *more.documents}
        return Moved(
            self.parent,
            _both(self.contacts, more.contacts),
            {model: _both(self.documents.get(model, ()), more.documents.get(model, ())) for model in models},
            {**more.names, **self.names},
        )


_decoder = msgspec.json.Decoder(Moved)


def read_moved(progress: Mapping[str, str]) -> Moved | None:
    """What a merge wrote down; None when it did not come so far, or was one of an older version."""
    text = progress.get(MOVED)
    return _decoder.decode(text) if text else None


def _both(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))
