from decimal import Decimal

from packs_of import packs_of


def test_a_pack_that_was_opened_counts():
    assert packs_of(Decimal(0)) == 0
    assert packs_of(Decimal(10)) == 1
    assert packs_of(Decimal(11)) == 2


def test_nobody_takes_less_than_nothing():
    try:
        packs_of(Decimal(-1))
    except ValueError:
        return
    raise AssertionError
