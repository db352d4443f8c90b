"""Acknowledged = safe: what accept() returned survives kill -9 and a power cut, byte for byte."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conformance.resource_contract import unit, wanted, write
from conformance.store_contract import RING, accept, arrival, charge, lookup, token

from engine.model import Routed, Routing
from engine.resources import Expect, Span
from engine.store.base import MessageStore
from engine.store.contracts.views import Query
from engine.store.sql import open_store

KILLS = 50
CUTS = 200


def _write_until_killed(url: str, number: int, pipe: int) -> None:
    """Accept batches and route some of them, saying after each what is safe now."""
    store, step = open_store(url, RING), 0
    while True:
        batch = [arrival(number + n, "x" * (n * 97 % 3000)) for n in range(1 + step % 40)]
        receipts = store.accept(batch)
        said = [f"{one.id} {number + n} {n * 97 % 3000}\n" for n, one in enumerate(receipts)]
        os.write(pipe, "".join(said).encode())
        if step % 3 == 0:
            key = receipts[0].id
            made = Routed((charge(key), charge(key)), f"p{key % 5}")
            store.route([Routing(key, made, destinations=("odoo",))], [token(key)], 1.0)
            os.write(pipe, f"routed {key}\n".encode())
        number += len(batch)
        step += 1


def _write_units_until_killed(url: str, number: int, pipe: int) -> None:
    """Transactions of a hundred creates, each on the condition that it is new."""
    store = open_store(url, RING)
    while True:
        writes = [
            write(f"{number}-{place}", 1, f"u{number}", spans=[Span("date", 1, 2)]) for place in range(100)
        ]
        store.write([unit(*writes, expects=[Expect(wanted(f"u{number}"))], id_=f"u{number}")])
        os.write(pipe, f"{number}\n".encode())
        number += 1


def _run_and_kill(
    act: Callable[[str, int, int], None], url: str, first: int, lines: int, seconds: float
) -> list[list[str]]:
    """What the child said before it was killed, `seconds` after it had said so many lines; a line cut in
    the middle was not said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            act(url, first, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = b""
        while said.count(b"\n") < lines:
            said += pipe.read1()
        killer = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
        killer.start()
        said += pipe.read()
        killer.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return [line.split() for line in said.decode().split("\n")[:-1]]


class _Ledger:
    """What the killed ones said they had made safe."""

    def __init__(self) -> None:
        self.accepted: dict[int, tuple[int, int]] = {}
        self.routed: list[int] = []

    def enter(self, lines: list[list[str]]) -> list[int]:
        new = [(int(line[0]), int(line[1]), int(line[2])) for line in lines if line[0] != "routed"]
        self.accepted.update({number: (control, size) for number, control, size in new})
        self.routed += [int(line[1]) for line in lines if line[0] == "routed"]
        return [number for number, _, _ in new]

    def check(self, store: MessageStore, ids: list[int]) -> None:
        for number in ids:
            control, size = self.accepted[number]
            assert store.content(number) == arrival(control, "x" * size).raw
        assert store.gaps() == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_t08_what_was_acknowledged_survives_kill_9(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/wardline.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    open_store(url, RING).close()
    dice, ledger = random.Random(8), _Ledger()
    for turn in range(KILLS if kind == "sqlite" else 20):
        lines, seconds = dice.randint(1, 120), dice.uniform(0, 0.02)
        new = ledger.enter(_run_and_kill(_write_until_killed, url, turn * 1_000_000, lines, seconds))
        store = open_store(url, RING)
        ledger.check(store, new)
        store.close()
    store = open_store(url, RING)
    ledger.check(store, list(ledger.accepted))
    for message_id in ledger.routed:
        assert len(store.deliveries(Query(), message_id=message_id)) == 2
        assert store.tokens([lookup(message_id)]) == {lookup(message_id): token(message_id).token}
    assert len(ledger.accepted) > 500
    store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_f42_a_transaction_of_a_hundred_is_there_whole_or_not_at_all_after_kill_9(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/wardline.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    open_store(url, RING).close()
    dice, number = random.Random(42), 0
    for _ in range(15 if kind == "sqlite" else 6):
        said = _run_and_kill(
            _write_units_until_killed, url, number, dice.randint(1, 3), dice.uniform(0, 0.02)
        )
        assert [int(line[0]) for line in said] == list(range(number, number + len(said)))
        store = open_store(url, RING)
        number += len(said)
        if store.find(wanted(f"u{number}", limit=0)).total:  # committed, and killed before it could say so
            number += 1
        for made in range(number):
            assert len(store.unit(f"u{made}")) == store.find(wanted(f"u{made}", limit=0)).total == 100
        assert store.find(wanted(limit=0)).total == number * 100 == len(store.messages(Query(limit=10**6)))
        assert store.gaps() == store.verify_versions() == []
        store.close()
    assert number > 20 or kind == "postgres"


def test_t10_what_was_acknowledged_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system keeps what was synced; of what was written later any part, torn anywhere, or
    garbage in its place. A commit is synced before accept returns, so the log's length at that
    moment is what the power cut must leave."""
    monkeypatch.setattr("engine.store.checkpoints.PAUSE", 3600.0)  # the log alone carries everything
    path, log = tmp_path / "wardline.db", tmp_path / "wardline.db-wal"
    store = open_store(f"sqlite:///{path}", RING)
    synced: list[tuple[int, int]] = []
    for step in range(60):
        made = accept(store, *range(step * 10, step * 10 + 1 + step % 7))
        if step % 5 == 0:
            store.route(
                [Routing(made[0], Routed((charge(step),)), destinations=("odoo",))], [token(step)], 1.0
            )
        synced.append((log.stat().st_size, made[-1]))
    file, frames = path.read_bytes(), log.read_bytes()
    contents = {one.id: store.content(one.id) for one in store.messages(Query(limit=1000))}
    store.close()
    dice = random.Random(10)
    for turn in range(CUTS):
        kept, last = dice.choice(synced)
        end = dice.randrange(kept, len(frames) + 1)
        cut = frames[:end] + dice.randbytes(dice.choice((0, 0, 7, 4096, 9000)))
        if dice.random() < 0.3 and end > kept:  # a later page never reached the disk
            hole = dice.randrange(kept, end)
            cut = cut[:hole] + bytes(min(4096, end - hole)) + cut[hole + 4096 :]
        folder = tmp_path / f"cut{turn}"
        folder.mkdir()
        (folder / "wardline.db").write_bytes(file)
        (folder / "wardline.db-wal").write_bytes(cut)
        reopened = open_store(f"sqlite:///{folder}/wardline.db", RING, f"sqlite:///{path}.cabinet")
        found = [one.id for one in reopened.messages(Query(limit=1000))]
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= last
        assert reopened.content(last) == contents[last]
        assert reopened.gaps() == []
        reopened.close()
        shutil.rmtree(folder)
