from decimal import Decimal


def packs_of(pieces: str) -> list:
    return pieces
