"""The audit of a real engine: starts, stops, what was loaded and what is different, signed and witnessed."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from base_message import B1
from fhir_engine import FhirEngine, wanted
from running import Engine, channel, wait_for

from engine.resources import Version
from engine.store.witness import read_witness


def entries(engine: Engine, *arguments: str) -> list[dict[str, Any]]:
    code, said = engine.wardline("audit", "list", "--json", *arguments)
    assert code == 0, said
    return [one["entry"] for one in json.loads(said)]


def loaded(engine: Engine) -> dict[str, dict[str, str]]:
    """What the last start found to be different."""
    acts = entries(engine)
    last = max(number for number, one in enumerate(acts) if one["act"] == "start")
    return {one["object"]: one["detail"] for one in acts[last:] if one["act"] == "configure"}


def test_starts_stops_and_what_is_loaded(make_engine: Callable[..., Engine], tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    engine = make_engine(channel("charges"), settings={"AUDIT_CHECKPOINTS": str(file), "NODE": "node-a"})
    engine.start()
    first = loaded(engine)
    assert {name for name in first if not name.startswith("audit-key:")} == {
        "channel:charges", "settings", "policy",
    }  # fmt: skip
    assert first["channel:charges"]["first"] == "yes"
    assert len(first["channel:charges"]["sha256"]) == 64
    assert engine.connect().ask(B1)
    engine.settle()
    assert engine.stop() == 0
    assert [one["act"] for one in entries(engine)][-1] == "stop"
    assert "audit signed" in "\n".join(engine.logs)

    engine.start()
    assert loaded(engine) == {}
    engine.kill()

    path = engine.channels / "channel-0.yaml"
    path.write_text(path.read_text().replace("default(1)", "default(2)").replace("ward@", "theatre@"))
    engine.table("items.csv", "code,item\nG100,GLOVE-L\n")
    engine.environment["WARDLINE_DRAIN"] = "7"
    engine.start()
    changed = loaded(engine)
    assert set(changed) == {"channel:charges", "settings"}
    assert changed["channel:charges"]["changed"] == (
        "effects[1].consume.quantity, owner.business, tables.items"
    )
    assert changed["settings"]["added"] == "WARDLINE_DRAIN"
    assert "theatre" not in json.dumps(changed)
    acts = [one["act"] for one in entries(engine) if one["act"] in ("start", "stop")]
    assert acts == ["start", "stop", "start", "start"]  # one was killed

    code, said = engine.wardline("audit", "verify")
    assert (code, said) == (0, "the audit holds\n")
    assert engine.stop() == 0
    kept = read_witness(file)
    assert kept.findings == []
    log = tmp_path / "log"
    log.write_text("\n".join(["WARNING a library", *engine.logs]) + "\n")
    logged = read_witness(log)
    assert logged.findings == []
    assert set(logged.checkpoints) <= set(kept.checkpoints)  # commands sign too, and do not log
    assert len(logged.checkpoints) > 2
    code, said = engine.wardline("audit", "verify", "--checkpoints", str(log))
    assert (code, said) == (0, "the audit holds\n")
    assert [one.number for one in kept.checkpoints] == list(range(1, len(kept.checkpoints) + 1))


def test_an_engine_whose_store_was_rolled_back_says_so(
    make_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    file = tmp_path / "checkpoints"
    engine = make_engine(channel("charges"), settings={"AUDIT_CHECKPOINTS": str(file)})
    engine.start()
    assert engine.stop() == 0
    database = engine.folder / "wardline.db"
    with sqlite3.connect(database) as now, sqlite3.connect(tmp_path / "copy.db") as copy:
        now.backup(copy)
    engine.start()
    assert engine.stop() == 0
    for beside in engine.folder.glob("wardline.db*"):
        if beside.name in ("wardline.db", "wardline.db-wal", "wardline.db-shm"):
            beside.unlink()
    with sqlite3.connect(tmp_path / "copy.db") as copy, sqlite3.connect(database) as now:
        copy.backup(now)
    engine.start()
    wait_for(lambda: any("audit contradicted" in line for line in engine.logs), "it to be told", engine)
    wait_for(lambda: bool(entries(engine, "--act", "incident")), "it to be recorded", engine)
    code, said = engine.wardline("audit", "verify")
    assert code == 1
    assert "is not the one that was witnessed" in said or "entries went up to" in said
    assert engine.stop() == 0


def test_an_engine_whose_start_cannot_be_recorded_does_not_start(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges"), settings={"NODE": "x" * 201})
    engine.spawn()
    assert engine.wait() == 2
    assert "more than 200 characters" in "\n".join(engine.logs)


def test_every_read_that_was_answered_before_a_kill_is_in_the_audit(tmp_path: Path) -> None:
    """Recorded before the answer leaves: kill -9 at any moment loses no look."""
    engine = FhirEngine(tmp_path / "engine")
    answered = Counter[str]()
    try:
        for _ in range(3):
            engine.start()
            with engine.client() as client:
                made = client.post("/SupplyRequest", json=wanted()).json()["id"]
                stop = threading.Timer(0.4, engine.kill)
                stop.start()
                with ThreadPoolExecutor(6) as readers:
                    list(readers.map(lambda _, c=client, m=made: _read(c, m, answered), range(6)))
                stop.join()
        engine.start()
        told = entries(engine, "--who", "ward", "--limit", "100000")
        looks = Counter(one["object"] for one in told if one["detail"]["interaction"] == "read")
        with engine.store() as store:
            of = {v.key.id: f"message:{v.message_id}" for v in _versions(store)}
        assert sum(answered.values()) > 30
        for id_, count in answered.items():
            assert count <= looks[of[id_]] <= count + 6  # those whose answer was on its way
        code, said = engine.wardline("audit", "verify")
        assert (code, said.splitlines()[0]) == (0, "the audit holds, as far as the store itself can tell")
    finally:
        engine.hang_up()
        if engine.runs:
            engine.kill()


def _read(client: httpx.Client, id_: str, answered: Counter[str]) -> None:
    """Read until the engine is gone."""
    while True:
        try:
            answer = client.get(f"/SupplyRequest/{id_}")
        except httpx.TransportError:
            return
        assert answer.status_code == 200
        answered[id_] += 1


def _versions(store: Any) -> list[Version]:
    found: tuple[Version, ...] = store.history(
        "R4", "SupplyRequest", "", before=0, since=0, limit=100
    ).versions
    return list(found)
