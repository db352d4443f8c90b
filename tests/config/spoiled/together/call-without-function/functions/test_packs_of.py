from packs_of import packs_of


def test_it():
    assert packs_of(1) == 1
