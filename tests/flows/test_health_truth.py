"""`/health` and `/ready` tell the truth, whatever is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from base_message import b1
from running import Engine, channel, wait_for


def health(engine: Engine) -> tuple[int, dict[str, object]]:
    status, body = engine._get("/health")
    return status, json.loads(body)


def test_all_is_well(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    assert health(engine) == (200, {"status": "alive"})
    parts = engine.parts()
    assert set(parts.values()) == {"ready"}
    wait_for(lambda: "deliver odoo:test NORMAL" in engine.parts(), "the loop that delivers", engine)
    assert {
        "routing",
        "editions",
        "retention",
        "schedule",
        "measures",
        "store",
        "listener charges",
    } <= parts.keys()
    assert 'wardline_part{part="routing"} 2.0' in engine.metrics()


def test_a_loop_that_is_stuck_is_degraded_and_then_past_help(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start("stick=routing")
    seen: list[str] = []

    def past_help() -> bool:
        seen.append(engine.parts()["routing"])
        return health(engine) == (503, {"status": "stuck", "parts": ["routing"]})

    wait_for(past_help, "routing to be given up", engine)
    assert "degraded" in seen
    assert not engine.ready()
    assert 'wardline_part{part="routing"} 0.0' in engine.metrics()
    engine.kill()


@pytest.mark.parametrize("loop", ["routing", "deliver odoo:test NORMAL"])
def test_a_thread_that_ended_is_told(make_engine: Callable[..., Engine], loop: str) -> None:
    engine = make_engine(channel("charges"))
    engine.spawn(f"end={loop}")
    wait_for(lambda: engine._get("/health")[0] == 503, "the end of a thread to be told", engine)
    assert health(engine) == (503, {"status": "stuck", "parts": [loop]})
    assert engine.parts()[loop] == "unready"
    assert not engine.ready()
    engine.kill()


def test_a_worker_whose_thread_ended_is_told_by_the_first_process(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges"), workers=2)
    engine.spawn("end=routing")
    wait_for(lambda: engine._get("/health")[0] == 503, "the worker to have told it", engine)
    (part,) = json.loads(engine._get("/health")[1])["parts"]
    assert part.startswith("routing of ")
    engine.kill()


def test_a_store_that_takes_nothing_is_told_without_a_message_that_tries(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges")).start("sealed")
    assert engine.connect().ask(b1("C1"))
    engine.settle()
    seal = engine.folder / "sealed"
    seal.touch()
    wait_for(lambda: not engine.ready(), "the store to be missed", engine)
    assert engine.parts()["store"] == "unready"
    assert health(engine) == (200, {"status": "alive"})  # a new start would not help
    assert 'wardline_messages_accepted_total{channel="charges",kind="new"} 1.0' in engine.metrics()
    seal.unlink()
    wait_for(engine.ready, "the store to be back", engine)
    assert engine.stop() == 0
