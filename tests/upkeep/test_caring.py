"""The engine's eye on its store: gauges that last, and refusing before the disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.store_contract import RING, accept, arrival, route

from engine.errors import Unavailable
from engine.store.base import Store
from engine.store.contracts.care import Disk
from engine.store.sql import open_store
from engine.upkeep.caring import EVERY, SIZED, CareLoop
from engine.upkeep.forecast import GREW

GB = 10**9


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path}/wardline.db"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    opened = open_store(url, RING)
    yield opened
    opened.close()


def test_what_it_measures_lasts_over_restarts(store: Store) -> None:
    clock = Clock()
    assert CareLoop(store, 0, clock, clock).turn() == EVERY
    first = store.last_values(["wardline_store_bytes"])["wardline_store_bytes"].value
    for start in range(0, 3000, 250):
        store.accept([arrival(number, "x" * 500) for number in range(start, start + 250)])
    clock.now += SIZED
    CareLoop(store, 0, clock, clock).turn()
    last = {name: one.value for name, one in store.last_values().items()}
    assert last["wardline_store_bytes"] > first + 1_000_000
    assert 0 < last["wardline_disk_free_ratio"] < 1
    assert last["wardline_store_damaged"] == 0
    (grown,) = store.measures([GREW], span=3600, since=0, until=clock.now)
    assert grown.value == last["wardline_store_bytes"] - first
    clock.now += 86400
    CareLoop(store, 0, clock, clock).turn()
    assert store.last_values()["wardline_disk_days_left"].value > 0


def test_t11_nothing_new_is_taken_before_the_disk_is_full_and_what_is_stored_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [2 * GB]
    monkeypatch.setattr(store._database, "disk", lambda: Disk(100 * GB, free[0]))  # type: ignore[attr-defined]
    clock = Clock()
    loop = CareLoop(store, GB, clock, clock)
    loop.turn()
    accept(store, 1)
    free[0] = GB - 1
    loop.turn()
    assert loop.refuses
    assert store.last_values()["wardline_disk_free_ratio"].value < 0.01
    with pytest.raises(Unavailable, match="nearly full"):
        accept(store, 2)
    with pytest.raises(Unavailable, match="nearly full"):
        store.check()
    route(store, 1)
    assert sum(row.messages for row in store.account()) == 1
    free[0] = GB + 1  # not enough yet: it would go on and off
    loop.turn()
    with pytest.raises(Unavailable):
        accept(store, 2)
    free[0] = 2 * GB
    loop.turn()
    assert not loop.refuses
    store.check()
    assert accept(store, 2) == [2]


def test_a_vacuum_gives_back_what_is_empty_and_changes_nothing(store: Store) -> None:
    store.accept([arrival(number, "x" * 3000) for number in range(500)])
    with store._database.write() as work:  # type: ignore[attr-defined]
        work.run("DELETE FROM contents WHERE message_id > 20")
    before = store.size()
    given = store.vacuum()
    after = store.size()
    if not before.tables:
        assert given > 1_000_000
        assert after.bytes == before.bytes - given
        assert after.reusable == 0
    else:
        assert "contents" in {one.name for one in after.tables}
    assert store.content(20) == arrival(19, "x" * 3000).raw
    assert accept(store, 10**6) == [501]
