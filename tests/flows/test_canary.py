"""No value that identifies a patient gets out of the engine (spec: PHI, P01 to P03 and P12).

Messages with a canary in every such place go through the shipped channels over sockets: delivered,
filtered, refused, kept in quarantine, dead for every cause, sent twice, with kill -9 in between, with all
logs open. Then the canaries are looked for in everything that left the engine: every byte of every
file, logs, standard output, metrics, traces, what the commands print, every answer, and a real Odoo's whole
database.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from canary_cases import Case, cases
from collecting import collector
from odoo_engine import HospitalEngine
from planted_leak import PLACES
from running import wait_for

from engine.proof.canaries import Canaries
from engine.proof.hl7_messages import FEW, Writer
from engine.proof.search import Search
from engine.store.contracts.views import MessageView

COMMANDS = {
    "messages": ("messages", "--json", "--limit", "1000"),
    "dead": ("dead", "--json"),
    "dead, for people": ("dead",),
    "account": ("account", "--every", "--json"),
    "status": ("status", "--json"),
}
WIDE_OPEN = {"WARDLINE_LOG_LEVEL": "DEBUG", "COLUMNS": "1000"}  # a folded canary would not be found
IDENTIFIERS = re.compile(r": (MSH-10|(PID-3|PID-18|PV1-19|PV1-50|FT1-2|SCH-1|SCH-2|MRG-1)(\[\d\]\.1)?)$")


class Story(NamedTuple):
    """What was sent, what was answered each time, what became of it, and all that can be seen outside."""

    canaries: Canaries
    cases: list[Case]
    answers: list[list[bytes | None]]  # of each case: the first time, the second time
    views: list[MessageView]  # of the first time
    seen: dict[str, bytes]
    engine: HospitalEngine


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("canary")
    engine = HospitalEngine(folder / "engine", None)
    engine.environment |= WIDE_OPEN
    canaries = Canaries()
    sent = cases(canaries)
    seen: dict[str, bytes] = {}
    with standard_output_into(folder / "stdout"), collector() as told:
        engine.environment["WARDLINE_TRACES"] = told.url
        engine.start()
        first = [send(engine, case) for case in sent]
        views = engine.settle()
        engine.kill()
        seen |= files(engine, "after kill -9")
        engine.start("die-after-commit")
        last_words = Writer(canaries).message("killed", "ADT^A01", segments=FEW)
        assert engine.connect("adt-encounters").ask(last_words) is None
        engine.wait()
        engine.start("loud")
        noise(engine, canaries)
        second = [send(engine, case) for case in sent]
        engine.settle()
        seen |= said(engine)
        assert engine.stop() == 0
    seen |= files(engine, "at the end")
    seen["traces"] = b"".join(told.bodies)
    seen["logs"] = "\n".join(engine.logs).encode()
    seen["standard output"] = (folder / "stdout").read_bytes()
    yield Story(canaries, sent, list(map(list, zip(first, second, strict=True))), views, seen, engine)
    engine.end()


@contextmanager
def standard_output_into(path: Path) -> Iterator[None]:
    """Processes that start meanwhile inherit it."""
    kept = os.dup(1)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def send(engine: HospitalEngine, case: Case) -> bytes | None:
    """On a connection of its own."""
    sender = engine.connect(case.channel)
    try:
        return sender.ask(case.raw)
    finally:
        sender.close()


def noise(engine: HospitalEngine, canaries: Canaries) -> None:
    """What is no frame, half a frame, and a frame begun twice."""
    write = Writer(canaries)
    sender = engine.connect("adt-encounters")
    sender.raw(write.text("GET /@?name=@ HTTP/1.1\r\n\r\n", "noise").encode())
    begun, cut = (write.message(name, "ADT^A01", segments=["PID"])[:-40] for name in ("begun", "cut"))
    sender.raw(b"\x0b" + begun + b"\x0b" + cut)
    sender.half_close()
    sender.answer()
    wait_for(lambda: engine.counted("truncated_frames") > 0, "the cut frame to be counted", engine)


def files(engine: HospitalEngine, when: str) -> dict[str, bytes]:
    """Every byte of every file in the engine's folder."""
    return {
        f"{path.relative_to(engine.folder)} {when}": path.read_bytes()
        for path in engine.folder.rglob("*")
        if path.is_file()
    }


def said(engine: HospitalEngine) -> dict[str, bytes]:
    """What the running engine shows over HTTP, and what the commands print beside it."""
    seen = {path: engine._get(path)[1].encode() for path in ("/metrics", "/ready", "/health")}
    for name, command in COMMANDS.items():
        code, text = engine.wardline(*command)
        assert code == 0, name
        seen[f"wardline {name}"] = text.encode()
    return seen


def repeats(raw: bytes, answer: bytes) -> bytes:
    """The answer without what it has to repeat (spec: ack, section 4), each held against the message: the
    sender's own names, MSH-3 to -6, and its control id."""
    asked = raw.partition(b"\r")[0].split(b"|")
    segments = [line.split(b"|") for line in answer.split(b"\r")]
    head, acknowledged = segments[0], segments[1]
    if asked[0] == b"MSH" and asked[1] == rb"^~\&":
        assert head[2:6] == [asked[4], asked[5], asked[2], asked[3]]
        assert acknowledged[2] == asked[9]
        del head[2:6], acknowledged[2]
    return b"\r".join(map(b"|".join, segments))


def test_every_case_ends_as_it_should(story: Story) -> None:
    for case, answers, view in zip(story.cases, story.answers, story.views, strict=True):
        state = view.state.value + (f": {view.reason.code.value}" if view.reason else "")
        assert state == case.state, case.name
        for answer in answers:
            assert answer is not None, case.name
            assert f"\rMSA|{case.code}".encode() in answer, case.name
    assert {case.state.partition(":")[0] for case in story.cases} == {
        "delivered", "filtered", "dead", "quarantined"
    }  # fmt: skip


def test_the_canaries_did_go_in(story: Story) -> None:
    """Byte for byte, sealed: hundreds of thousands of places, every kind of one."""
    for case, view in zip(story.cases, story.views, strict=True):
        if case.name != "oversize":  # only its head is kept
            assert story.engine.content(view.id) == case.raw, case.name
    places = {place.partition(": ")[2].partition("[")[0] for place in story.canaries.places()}
    assert len(story.canaries) > 500_000
    assert len(places) > 2_000
    assert {
        "PID-5",
        "PID-19",
        "NK1-2",
        "GT1-3",
        "IN1-36",
        "IN2-2",
        "AL1-5",
        "OBX-5",
        "NTE-3",
        "ZPI-1",
    } <= places


def test_no_canary_is_anywhere_outside(story: Story) -> None:
    assert {
        name: found for name, blob in story.seen.items() if (found := Search(story.canaries).places_in(blob))
    } == {}
    assert len(story.seen) > 20
    assert len(story.seen["logs"]) > 20_000
    assert len(story.seen["traces"]) > 10_000


def test_answers_repeat_what_they_must_and_nothing_else(story: Story) -> None:
    found = {
        case.name: leaked
        for case, answers in zip(story.cases, story.answers, strict=True)
        for answer in answers
        if answer and (leaked := Search(story.canaries).places_in(repeats(case.raw, answer)))
    }
    assert found == {}


def test_nothing_stored_is_a_plain_hash_of_an_identifier(story: Story) -> None:
    """P12: whoever has the file cannot try out numbers."""
    tried = [at for at, place in enumerate(story.canaries.places()) if IDENTIFIERS.search(place)]
    assert len(tried) > 300
    digests = story.canaries.digests(story.canaries.texts(tried))
    with closing(sqlite3.connect(story.engine.folder / "wardline.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [
            value.encode() if isinstance(value, str) else value
            for table in tables
            for row in database.execute(f"SELECT * FROM {table}")
            for value in row
            if isinstance(value, str | bytes)
        ]
    assert len(values) > 500
    assert digests.isdisjoint(values)


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_leak_is_found(place: str, tmp_path: Path) -> None:
    """The same search over the same places, with an engine that lets PID-5 out."""
    engine = HospitalEngine(tmp_path, None)
    engine.environment |= WIDE_OPEN
    canaries = Canaries()
    raw = Writer(canaries).message("planted", "ADT^A01^ADT_A01", segments=["PID", "PV1"])
    try:
        engine.start(f"leak={tmp_path}:{place}")
        (answer,) = engine.send("adt-encounters", raw)
        engine.settle()
        seen = said(engine)
        engine.stop()
    finally:
        engine.end()
    assert answer is not None
    stopped = {"reason": ["routing"], "words": ["answer"]}.get(place, [])
    assert len(stopped) == sum("about to leave" in line for line in engine.logs)
    told = json.loads(engine.wardline("incidents", "--json")[1])
    assert [one["entry"]["detail"]["where"] for one in told] == stopped
    seen |= files(engine, "") | {"logs": "\n".join(engine.logs).encode(), "answers": repeats(raw, answer)}
    found = {name.partition(" ")[0] for name, blob in seen.items() if Search(canaries).places_in(blob)}
    assert (
        found
        == {
            "log": {"logs"},
            "metric": {"/metrics"},
            "file": {"wardline.tmp"},
            "reason": set(),  # stopped by the guard
            "column": {"wardline.db"},
            "answer": {"answers"},
            "words": set(),  # stopped by the guard, and in the audit when the engine has ended
        }[place]
    )
