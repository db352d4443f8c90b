"""Several processes on one store: one new message and one duplicate, ids in order, keys never shared."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conformance.store_contract import RING, accept, claim, route, state

from engine.errors import Misconfigured, Unavailable
from engine.model import MessageState
from engine.store.contracts.views import Query
from engine.store.database import Work
from engine.store.sql import open_store
from engine.store.witness import read_witness


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/wardline.db"
    return str(request.getfixturevalue("postgres_url"))


def _start(script: str, url: str, count: int) -> list[subprocess.Popen[str]]:
    """Processes that run the script and have started together."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    pipes["env"] = {"PYTHONPATH": ":".join(sys.path)}
    started = [
        subprocess.Popen([sys.executable, "-c", script, url, str(number)], **pipes) for number in range(count)
    ]
    for child in started:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in started:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return started


def _children(script: str, url: str, count: int = 3) -> list[list[str]]:
    """The lines each of the processes printed."""
    started = _start(script, url, count)
    said = [child.communicate(timeout=60)[0].splitlines() for child in started]
    assert [child.returncode for child in started] == [0] * count
    return said


_HEAD = """
import sys
from conformance.store_contract import *
from engine.store.database import Work
from engine.store.sql import open_store
store = open_store(sys.argv[1], RING)
me = sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
"""

_SENDER = (
    _HEAD
    + """
for number in range(60):
    for receipt in store.accept([arrival(number), arrival(f"{me}/{number}")]):
        print(receipt.id, receipt.original)
"""
)

_CLAIMER = (
    _HEAD
    + """
import time
empty = 0
while empty < 30:
    taken = claim(store, 3, holder=me)
    print(*(f"{one.sequence_key}/{one.id}" for one in taken))
    settle(store, taken, holder=me)
    empty = 0 if taken else empty + 1
    time.sleep(0 if taken else 0.01)
"""
)


_WITNESS = (
    _HEAD
    + """
from engine.store.witness import witness
from engine.auditing import Act, Entry
from pathlib import Path
for number in range(40):
    one = Entry(at=float(number), who=me, role="operator", act=Act.LOOK, object=f"message:{number}")
    print(*store.record([one, one]))
    if number % 5 == 0:
        witness(store, Path(sys.argv[3]), float(number))
"""
)


def test_a51_processes_that_receive_the_same_message_at_once(url: str) -> None:
    open_store(url, RING).close()
    receipts = [tuple(map(int, line.split())) for said in _children(_SENDER, url) for line in said]
    assert sorted(number for number, _ in receipts) == list(range(1, 361))
    duplicates = Counter(original for _, original in receipts if original)
    assert len(duplicates) == 60
    assert set(duplicates.values()) == {2}
    store = open_store(url, RING)
    assert len(store.unrouted(["charges"], 0, 1000)) == 240
    assert store.gaps() == []
    store.close()


def test_processes_that_record_append_to_one_audit(url: str, tmp_path: Path) -> None:
    """Also while they all sign and write the same file of checkpoints."""
    open_store(url, RING).close()
    file = tmp_path / "checkpoints"
    script = _WITNESS.replace("sys.argv[3]", repr(str(file)))
    numbers = [list(map(int, line.split())) for said in _children(script, url) for line in said]
    assert all(second == first + 1 for first, second in numbers)
    given = [number for pair in numbers for number in pair]
    assert len(set(given)) == 240
    store = open_store(url, RING)
    kept = read_witness(file)
    assert kept.findings == []
    assert [one.number for one in kept.checkpoints] == list(range(1, len(kept.checkpoints) + 1))
    assert store.verify_audit(kept.checkpoints) == []
    assert max(given) <= max(one.upto for one in store.checkpoints(0)) + 80
    store.close()


def test_processes_that_claim_take_each_delivery_once_and_each_key_in_order(url: str) -> None:
    store = open_store(url, RING)
    made = accept(store, *range(90))
    for message_id in made:
        route(store, message_id, f"p{message_id % 6}", effects=2)
    said = _children(_CLAIMER, url)
    taken = [word.split("/") for lines in said for line in lines for word in line.split()]
    assert sorted(int(number) for _, number in taken) == [
        one.delivery.id for one in store.deliveries(Query(limit=999))
    ]
    for lines in said:  # what one process took of a key, it took in order
        mine = [word.split("/") for line in lines for word in line.split()]
        for key in {key for key, _ in mine}:
            numbers = [int(number) for one, number in mine if one == key]
            assert numbers == sorted(numbers)
    assert {row.state for row in store.account()} == {MessageState.DELIVERED}
    store.close()


def test_a_reader_that_follows_ids_misses_none_while_others_accept(url: str) -> None:
    """Ids become visible in order, on every node: a router that keeps its place never skips one."""
    store = open_store(url, RING)
    children = _start(_SENDER.replace("range(60)", "range(150)"), url, 2)
    place, seen = 0, list[int]()
    running = True
    while running:
        running = any(child.poll() is None for child in children)
        for message in store.unrouted(["charges"], place, 50):
            place = message.id
            seen.append(message.id)
    for child in children:
        child.communicate()
        assert child.returncode == 0
    while found := store.unrouted(["charges"], place, 500):
        seen += [message.id for message in found]
        place = seen[-1]
    assert seen == [one.id for one in store.messages(Query(state="received", limit=1000))]
    store.close()


def test_a_postgres_that_goes_away_is_unavailable_and_comes_back(postgres_url: str) -> None:
    store = open_store(postgres_url, RING)
    accept(store, 1)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    with pytest.raises(Unavailable):
        accept(store, 2)
    assert accept(store, 2) == [2]
    route(store, 2)
    assert [one.message_id for one in claim(store)] == [2]
    assert state(store, 1) is MessageState.RECEIVED
    store.close()


def test_a_server_without_fsync_is_refused(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Work.rows
    monkeypatch.setattr(
        Work,
        "rows",
        lambda self, sql, given=(): [("off",)] if sql == "SHOW fsync" else rows(self, sql, given),
    )
    with pytest.raises(Misconfigured, match="fsync"):
        open_store(postgres_url, RING)
