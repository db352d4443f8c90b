"""What a running engine counts: shown to Prometheus and kept in the store, whichever process counted it."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

from base_message import b1
from running import Engine, channel, wait_for

from engine.measuring import reading

SENT = 6


def test_a_crash_leaves_no_hole_in_the_history(make_engine: Callable[..., Engine]) -> None:
    """Killed before it was written: the next start counts what stands, and the one after that no more."""
    engine = make_engine(channel("charges")).start()
    wait_for(lambda: _history(engine, "wardline_process") != {}, "the engine to have said that it is there")
    wrong = b1("wrong").replace(b"DFT^P03", b"ORU^R01")
    for message in (*(b1(f"C{number}") for number in range(SENT)), b1("C0"), wrong):
        engine.connect().ask(message)
    engine.settle()
    engine.kill()
    for _ in range(2):
        engine.start().kill()
        assert _total(engine, "wardline_messages_accepted") == {"charges": SENT + 1}
        assert _total(engine, "wardline_messages_refused") == {"charges": 1}
        assert _total(engine, "wardline_messages_routed") == {"charges": SENT}
        assert _total(engine, "wardline_settled") == {"charges": SENT}
        assert _total(engine, "wardline_end_to_end_seconds_bucket") == {"charges": SENT}


def _total(engine: Engine, name: str) -> dict[str, float]:
    """What the history holds of a metric, by channel."""
    now = time.time()
    with engine.store() as store:
        return reading.totals(store, name, since=now - 600, until=now + 60)


def _history(engine: Engine, name: str) -> dict[str, object]:
    with engine.store() as store:
        return dict(store.last_values([name]))


def metric(engine: Engine, name: str, **labels: str) -> float:
    """The sum of a metric's lines in /metrics that have these labels."""
    lines = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", engine.metrics(), re.MULTILINE)
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(value) for held, value in lines if all(one in held for one in wanted))


def test_what_workers_count_is_shown_and_outlives_them_and_the_engine(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges"), channel("more"), workers=3).start()
    for number in range(SENT):
        for name in ("charges", "more"):
            engine.connect(name).ask(b1(f"{name}{number}"))
    engine.settle()

    def routed() -> float:
        return metric(engine, "wardline_messages_routed_total", result="routed")

    def delivered() -> float:
        return metric(engine, "wardline_deliveries_total", outcome="delivered")

    wait_for(lambda: routed() == 2 * SENT, "the workers to have told what they routed", engine)
    wait_for(lambda: delivered() == 2 * SENT, "the workers to have told what they delivered", engine)
    wait_for(
        lambda: len([part for part in engine.parts() if part.startswith("routing of ")]) == 2,
        "both workers to have told how they stand",
        engine,
    )
    assert set(engine.parts().values()) == {"ready"}

    for pid in engine.worker_pids():
        os.kill(pid, signal.SIGKILL)
    engine.connect("more").ask(b1("again"))
    wait_for(lambda: routed() == 2 * SENT + 1, "workers in the place of those that ended to be added", engine)
    wait_for(lambda: delivered() == 2 * SENT + 1, "what they delivered to be added", engine)
    assert engine.stop() == 0
    with engine.store() as store:
        now = time.time()
        taken = reading.totals(store, "wardline_messages_accepted", since=now - 600, until=now + 60)
        done = reading.totals(store, "wardline_messages_routed", since=now - 600, until=now + 60)
        assert taken == done == {"charges": SENT, "more": SENT + 1}
        took = reading.buckets(store, "wardline_acknowledge_seconds", since=now - 600, until=now + 60)
        assert sum(took["charges"].values()) == SENT
        stands = reading.buckets(store, "wardline_end_to_end_seconds", since=now - 600, until=now + 60)
        assert sum(stands["charges"].values()) == SENT
        assert 0 < reading.quantile(stands["charges"], 0.95) < 60
        settled = reading.totals(store, "wardline_settled", since=now - 600, until=now + 60, by="outcome")
        assert settled == {"delivered": 2 * SENT + 1}
        assert now - 60 < reading.last_seen(store)["charges"] <= now
        first = reading.processes(store, now)[0]
        assert first.name.endswith("/0")
        assert first.parts["store"] == "ready"
