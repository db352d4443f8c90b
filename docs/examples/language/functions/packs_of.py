"""Whole packs of ten: who takes eleven opens a second one."""

from decimal import Decimal


def packs_of(pieces: Decimal) -> Decimal:
    """The packs that so many pieces are of. Raises ValueError below zero."""
    if pieces < 0:
        raise ValueError
    return (pieces + 9) // 10
