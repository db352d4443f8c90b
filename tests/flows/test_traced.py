"""Traces of a running engine, as a collector gets them: each process tells its part of one trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from base_message import b1
from collecting import collector
from fhir_engine import FhirEngine, wanted
from running import Engine, channel, wait_for

from engine.correlation import trace_of


def test_a_message_is_one_trace_from_the_frame_to_its_effect(make_engine: Callable[..., Engine]) -> None:
    with collector() as told:
        engine = make_engine(channel("charges"), workers=2, settings={"TRACES": told.url}).start()
        engine.connect().ask(b1("C1"))
        engine.connect().ask(
            b1("C2", b1("C2").replace(b"FT1|1|||20261121||CG|G100", b"FT1|1|||20261121||CG|G999"))
        )
        good, dead = engine.settle()
        assert engine.stop() == 0
        of_good, of_dead = told.of(trace_of(good.correlation)), told.of(trace_of(dead.correlation))

    assert set(of_good) == {"message", "accept", "route", "map", "store", "deliver odoo:test"}
    first, deliver = of_good["message"], of_good["deliver odoo:test"]
    assert first.parent == 0
    assert {of_good[name].parent for name in ("accept", "route", "deliver odoo:test")} == {first.id}
    assert of_good["map"].parent == of_good["store"].parent == of_good["route"].id
    assert first.process.endswith("/0")
    assert of_good["route"].process == deliver.process != first.process
    assert first.words == {
        "correlation": good.correlation, "channel": "charges", "message": good.id, "code": "AA",
    }  # fmt: skip
    assert (deliver.words["outcome"], deliver.words["attempt"], deliver.words["message"]) == (
        "delivered",
        1,
        good.id,
    )
    for one in of_good.values():
        assert one.failed == ""
        assert 0 <= one.ended - one.began < 60e9
        assert first.began <= one.began
    assert first.began == int(good.received_at * 1e9)

    assert set(of_dead) == {"message", "accept", "route", "map", "store"}
    assert of_dead["route"].words["result"] == "dead"
    assert of_dead["route"].failed == dead.reason.code.value
    assert {one.trace for one in told.spans} == {first.trace, trace_of(dead.correlation)}
    whole = b"".join(told.bodies)
    assert [word for word in engine.spoken if word in whole and len(word) > 4] == []


def test_a_share_of_messages_is_traced_by_all_processes_alike(make_engine: Callable[..., Engine]) -> None:
    with collector() as told:
        settings = {"TRACES": told.url, "TRACE_SHARE": "0.5"}
        engine = make_engine(channel("charges"), workers=2, settings=settings).start()
        sender = engine.connect()
        for number in range(40):
            sender.ask(b1(f"C{number}"))
        views = engine.settle()
        engine.stop()
    traced = [view for view in views if told.of(trace_of(view.correlation))]
    assert 5 < len(traced) < 35
    for view in traced:
        assert {"message", "route", "deliver odoo:test"} <= told.of(trace_of(view.correlation)).keys()


def test_a_collector_that_takes_nothing_costs_nothing_but_its_spans(
    make_engine: Callable[..., Engine],
) -> None:
    with collector() as told:
        told.refuses = True
        engine = make_engine(channel("charges"), settings={"TRACES": told.url}).start()
        engine.connect().ask(b1("C1"))
        engine.settle()
        wait_for(
            lambda: 'wardline_spans_total{result="lost"}' in engine.metrics(), "spans to be missed", engine
        )
        assert engine.ready()
        assert engine.stop() == 0
        engine.assert_silent()


def test_what_a_client_began_is_linked(tmp_path: Path) -> None:
    sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with collector() as told:
        engine = FhirEngine(tmp_path)
        engine.environment["WARDLINE_TRACES"] = told.url
        engine.start()
        with engine.client() as client:
            ids = [
                client.post("/SupplyRequest", json=wanted(value), headers={"traceparent": parent})
                for value, parent in (("T1", sent), ("T2", "00-0-0-00"))
            ]
            assert [answer.status_code for answer in ids] == [201, 201]
        engine.settle()
        assert engine.stop() == 0
        traces = [told.of(trace_of(answer.headers["x-correlation-id"])) for answer in ids]
    first = traces[0]["message"]
    assert first.links == [(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)]
    assert (first.words["interaction"], first.words["status"]) == ("create", 201)
    assert traces[0]["route"].parent == first.id
    assert traces[1]["message"].links == []
