"""The whole table through a running engine on PostgreSQL, with kills and retries: nothing is found.

`make prove` does the same on SQLite with the shipped channels and 10,000 messages by chance."""

from __future__ import annotations

import pytest

from engine.proof.prove import Wanted, prove

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_P01_P02_P03_no_row_of_the_table_gets_out(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> None:
    folder = tmp_path_factory.mktemp("whole")
    report = prove(Wanted(seed=5, chance=600, store=postgres_url), folder, lambda _: None)
    assert (report.hits, report.faults) == ([], [])
    assert report.tried["v2field"] > 2_980
    assert report.kills == 2
    assert any(one.name.startswith("store: public.contents") for one in report.searched)
    assert any(one.name == "forwarded files" for one in report.searched)
    assert report.states["delivered"] > 50
    assert report.states["dead"] > 10
