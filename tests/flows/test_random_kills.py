"""T08 and T14: kill -9 at random moments while eight connections send, repeat and send again.

The invariants of the threat model (section 5) hold afterwards: I1 what was acknowledged is in the store
byte for byte, I2 in one final state, I3 its effects stand, each once, I4 and nothing else does, I5 in the
order of each key, I6 without a name, I7 and nobody had to help. Seeds are printed; a seed fixes what is
sent and how long each life lasts.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from expected_books import ExpectedBooks
from hospital_day import Mix, Sent, day
from odoo_books import TOKEN, put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import EVERYTHING, NEEDS_ODOO, Effects, HospitalEngine
from restless_senders import Senders
from token_names import TokenNames

from demo.odoo import Running
from engine.effects import kind_of
from engine.store.contracts.views import DeliveryView

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SHORT, LONG = (0.05, 0.9), (0.2, 1.6)
"""Seconds from a start to the kill: some do not live to listen."""


class Story(NamedTuple):
    """What was sent and what came of it, read from the store: by message id, in order."""

    raws: dict[int, bytes]
    effects: dict[int, Effects]
    deliveries: dict[int, list[DeliveryView]]
    names: TokenNames


def lived_through(
    engine: HospitalEngine, messages: list[Sent], lives: tuple[float, float], kills: int, seed: int
) -> None:
    """Send everything while the engine is killed so often; then it finishes by itself."""
    dice = random.Random(seed)
    senders = Senders(engine, messages, seed)
    engine.spawn("impatient=0.05")
    senders.start()
    began = time.monotonic()
    for number in range(kills):
        senders.allow((number + 1) / (kills + 1))
        time.sleep(dice.uniform(*lives))
        engine.goes_on |= bool(engine.ports)  # once it listened its channels are deployed
        engine.kill()
        engine.spawn("impatient=0.05")
    killed = time.monotonic() - began
    engine.wait_ready()
    senders.finish(600)
    engine.all_settled(600)
    print(
        f"seed {seed}: {kills} kills in {killed:.0f} s, {len(messages)} messages, {senders.resent} sent again"
        f" unanswered, {senders.repeated} repeated, all settled after {time.monotonic() - began:.0f} s"
    )
    assert sorted(m.raw for m in senders.answered) == sorted(m.raw for m in messages)


def told(engine: HospitalEngine, messages: list[Sent]) -> Story:
    """I1, I2, I3, I4 in the store."""
    channels = {message.raw: message.channel for message in messages}
    story = Story({}, {}, {}, TokenNames())
    for view in engine.deliveries():
        story.deliveries.setdefault(view.delivery.message_id, []).append(view)
    with engine.store() as store:
        views = store.messages(EVERYTHING)
        for view in views:
            if view.state.value == "duplicate":
                assert view.original in story.raws
                continue
            assert view.state.value in ("delivered", "filtered"), view
            raw = store.content(view.id)
            assert channels[raw] == view.channel
            story.raws[view.id] = raw
    assert sorted(story.raws.values()) == sorted(channels)  # every one, once, byte for byte
    assert story.deliveries.keys() <= story.raws.keys()
    for number, raw in story.raws.items():
        expected = story.effects[number] = engine.expected(channels[raw], raw)
        actual = [view.delivery.effect for view in story.deliveries.get(number, [])]
        story.names.learn(actual, expected)
        assert [story.names.shown(effect) for effect in actual] == expected
    print(f"{len(views)} rows of {len(story.raws)} messages, {sum(map(len, story.effects.values()))} effects")
    return story


@pytest.fixture
def hospital() -> Iterator[Running]:
    found = fresh_database("randomkills")
    yield found
    drop_database(found)


def test_t08_a_hundred_kills_and_ten_thousand_messages_into_the_ledger(tmp_path: Path) -> None:
    seed = 20261121
    messages = day(random.Random(seed), 10_000, Mix(goods=0.3, theatre=0.2))
    engine = HospitalEngine(tmp_path, None)
    try:
        lived_through(engine, messages, SHORT, 100, seed)
        story = told(engine, messages)
        in_the_ledger(engine, story)
        engine.account()
    finally:
        engine.end()
    silent(engine)


def in_the_ledger(engine: HospitalEngine, story: Story) -> None:
    """I3 to I5: every effect on one line, in the order of its key."""
    lines = engine.ledger()
    wanted = Counter(view.delivery.id for views in story.deliveries.values() for view in views)
    assert Counter(line["delivery"] for line in lines) == wanted
    effects = {
        view.delivery.id: (kind_of(view.delivery.effect), view.delivery.sequence_key)
        for views in story.deliveries.values()
        for view in views
    }
    last: dict[tuple[str, str], int] = {}
    for line in lines:
        kind, key = effects[line["delivery"]]
        assert line["kind"] == kind
        place = line["channel"], key
        assert last.get(place, 0) < line["delivery"]
        last[place] = line["delivery"]


@NEEDS_ODOO[0]
@NEEDS_ODOO[1]
def test_t08_kills_before_a_real_odoo(tmp_path: Path, hospital: Running) -> None:
    seed = 20261122
    messages = day(random.Random(seed), 1_000, Mix(goods=0.05, theatre=0.05))
    engine = HospitalEngine(tmp_path, hospital)
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        try:
            lived_through(engine, messages, LONG, 30, seed)
            story = told(engine, messages)
            books = read_books(admin, story.names)
            engine.account()
        finally:
            engine.end()
    expected = ExpectedBooks()
    for number in sorted(story.effects):
        for effect in story.effects[number]:
            expected.apply(effect)
    assert books == expected.books()
    silent(engine)


def silent(engine: HospitalEngine) -> None:
    """I6: no name and no number of a patient, where only tokens may stand."""
    said = "\n".join(engine.logs)
    for path in engine.folder.glob("ledger.jsonl"):
        said += path.read_text()
    said = TOKEN.sub("", said)
    assert "TESTMANN" not in said
    assert "V00001" not in said
