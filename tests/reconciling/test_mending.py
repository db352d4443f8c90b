"""Which gaps are mended: those that undo nothing that a person did, unless they are named."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.errors import Misconfigured
from engine.reconciling.mending import chosen
from engine.reconciling.words import Gap, GapKind

PLAIN = Gap(kind=GapKind.MISSING, subject="charges", effect="charge", key="k", text="gone", mend="again")
UNDOES = replace(PLAIN, kind=GapKind.CHANGED, mend="restore", asked=True)
BY_HAND = replace(PLAIN, kind=GapKind.UNKNOWN, mend="", advice="ask who added it")


def test_what_people_did_is_undone_only_by_its_number() -> None:
    gaps = (UNDOES, PLAIN, BY_HAND)
    assert chosen(gaps, ()) == [(2, PLAIN)]
    assert chosen(gaps, (1, 2, 1)) == [(1, UNDOES), (2, PLAIN)]


@pytest.mark.parametrize(("number", "why"), [(0, "no such gap"), (4, "no such gap"), (3, "ask who added it")])
def test_what_cannot_be_mended_is_refused_with_what_to_do(number: int, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        chosen((UNDOES, PLAIN, BY_HAND), (number,))
