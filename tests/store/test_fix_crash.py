"""Whoever puts messages right and is killed in between has done each step whole, with its entry, or not."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

from conformance.fix_contract import TOLD, UNKNOWN, came, carry, fee, route

from engine.auditing import AuditQuery
from engine.model import Dead, Routing
from engine.store.base import Store
from engine.store.contracts.fixing import Letters
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
KILLS = 12
HOLD = Hold(HoldKind.DESTINATION, "odoo", 1.0, "duty", "upgrade")


def _put_right_until_killed(url: str, ready: int) -> None:
    """Replays, corrections, skips, holds; and the engine's own work in between."""
    store, step = open_store(url, RING), 0
    os.write(ready, b".")
    while True:
        step += 1
        ids = [view.id for view in store.messages(Query(limit=99))]
        store.replay(ids, told=TOLD)
        for message in store.unrouted(["charges"], 0, 99):
            _route(store, message.id, step)
        carry(store, refuse=[f"{step % 7}"])
        store.skip(store.letters(Letters())[:2], told=TOLD)
        store.resend(store.letters(Letters(state="skipped"))[:1], now=250.0, told=TOLD)
        for number in ids:
            if store.replayable([number])[number] is None:
                store.revise(number, f"MSH|charges|{number}|{os.getpid()}/{step}".encode(), told=TOLD)
                break
        store.hold(HOLD, told=TOLD)
        store.let_go(HOLD.kind, HOLD.name, told=TOLD)


def _route(store: Store, number: int, step: int) -> None:
    if (number + step) % 5 == 0:
        store.route([Routing(number, Dead(UNKNOWN))], [], 200.0)
    else:
        route(store, number, fee(str(number)), fee(f"{number}/v", str(1 + step % 3)))


def test_kill_9_at_any_moment_leaves_whole_steps_with_their_entries(tmp_path: Path) -> None:
    url, dice = f"sqlite:///{tmp_path}/w.db", random.Random(8)
    store = open_store(url, RING)
    for number in range(1, 9):
        came(store, number)
    store.close()
    for _ in range(KILLS):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _put_right_until_killed(url, writer)
            finally:
                os._exit(1)
        os.close(writer)
        assert os.read(reader, 1) == b"."
        threading.Timer(dice.uniform(0.02, 0.3), os.kill, (child, signal.SIGKILL)).start()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        os.close(reader)
        store = open_store(url, RING)
        store.reclaim(1e9, "me")
        assert store.gaps() == []
        assert store.verify_audit() == []
        said = [one.entry.detail for one in store.entries(AuditQuery(limit=100_000))]
        for view in store.messages(Query(limit=99)):
            told = [detail.get(word, "").split() for detail in said for word in ("replayed", "redelivered")]
            again = sum(str(view.id) in listed for listed in told)
            edits = len(store.revisions(view.id))
            assert view.again == again + edits, "done and not recorded, or recorded and not done"
            assert [store.revised(view.id, one) for one in range(edits + 1)][-1] == store.content(view.id)
        store.close()
