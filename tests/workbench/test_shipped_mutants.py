"""The shipped channels: no change of a line goes unnoticed, but for those that are listed with a reason.

All of them are some 3,600 mutants (`make mutate`). Here are one channel whole, and some of all channels and
tables, drawn by a seed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workbench.mutation import Tried, try_mutants

SHIPPED = Path(__file__).parents[2] / "channels"
CHANNELS = tuple(sorted(path for path in SHIPPED.glob("*.yaml") if ".test." not in path.name))


def _left(tried: Tried) -> list[str]:
    return [str(one) for one in (*tried.survivors, *tried.stale)]


def test_every_mutant_of_a_channel_is_noticed_or_listed() -> None:
    path = SHIPPED / "charge-master.yaml"
    tried = try_mutants([path])
    mine = [one for one in (*tried.survivors, *tried.stale) if one.file.startswith(str(path.with_suffix("")))]
    assert list(map(str, mine)) == []
    assert tried.tallies[0].mutants > 150


@pytest.mark.slow
def test_a_sample_of_all_mutants_is_noticed_or_listed() -> None:
    tried = try_mutants(CHANNELS, sample=220, seed=20261122)
    assert _left(tried) == []
    assert sum(one.killed for one in tried.tallies) > 150
