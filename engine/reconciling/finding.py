"""How a gap about a wanted document is written down. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from engine.reconciling.expecting import Wanted
from engine.reconciling.words import Difference, Gap, GapKind, Mend, Subject

__all__ = ["SUBJECTS", "gap_of", "plain"]

SUBJECTS: Final[dict[str, Subject]] = {
    "charge": "charges", "credit": "charges", "reserve": "stock", "release": "stock", "consume": "stock",
    "procure": "stock", "encounter": "contacts", "merge": "contacts", "unmerge": "contacts",
    "product": "master", "offer": "master", "price": "master", "stocking": "master", "lot": "master",
}  # fmt: skip
"""Which book an effect stands in."""


def gap_of(
    one: Wanted,
    kind: GapKind,
    text: str,
    model: str,
    documents: Sequence[int] = (),
    differences: Sequence[Difference] = (),
    *,
    mend: Mend = "",
    asked: bool = False,
    advice: str = "",
) -> Gap:
    """A gap about it."""
    return Gap(
        kind=kind, subject=SUBJECTS[one.kind], effect=one.kind, key=one.key, text=text, channel=one.channel,
        company=one.effect.company, message_id=one.message_id, delivery_id=one.delivery_id,
        since=one.received, model=model, documents=tuple(documents), differences=tuple(differences),
        mend=mend, asked=asked, advice=advice,
    )  # fmt: skip


def plain(number: Decimal) -> str:
    """A number as people write it."""
    return f"{number.normalize():f}" if number else "0"
