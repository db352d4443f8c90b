"""Stories of visits and appointments over sockets into a real Odoo, each told twice: in order, and late,
repeated and reordered, to two patients of their own. What stands for the one stands for the other.

`tests/courses/test_schedules.py` tells many more to a model of Odoo.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from courses.schedules import adt_story, schedule, siu_story
from odoo_books import Books, put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine
from token_names import TokenNames

from demo.odoo import Running
from engine.effects import Effect

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]

STORIES = 15  # of each channel
ORDERED, DISORDERED = "x", "y"
CHANNELS = {"adt-encounters": adt_story, "theatre-schedule": siu_story}
_NUMBERS = re.compile(rb"(?<![A-Z0-9-])((?:PC|[PVC])[0-9])(?![A-Z0-9-])")


def told() -> dict[str, list[bytes]]:
    """By channel: what all stories say, in both tellings, one story after the other."""
    said: dict[str, list[bytes]] = {}
    for channel, make in CHANNELS.items():
        dice = random.Random(f"odoo {channel}")
        for number in range(STORIES):
            story = make(dice)
            mark = f"{channel[0]}{number:02}"
            said.setdefault(channel, []).extend(_marked(story, mark + ORDERED, dice))
            said[channel] += _marked(schedule(dice, story), mark + DISORDERED, dice)
    return said


def _marked(messages: Sequence[bytes], mark: str, dice: random.Random) -> Iterator[bytes]:
    """With numbers of their own; what is repeated comes under its old control id or another one."""
    seen: set[bytes] = set()
    for raw in messages:
        fields = _NUMBERS.sub(rb"\g<1>" + mark.encode(), raw).split(b"|")
        fields[9] += mark.encode() + (b"again" if raw in seen and dice.random() < 0.5 else b"")
        seen.add(raw)
        yield b"|".join(fields)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    hospital = fresh_database("courses")
    yield _tell(tmp_path_factory.mktemp("courses"), hospital)
    drop_database(hospital)


def _tell(folder: Path, hospital: Running) -> Books:
    engine = HospitalEngine(folder, hospital)
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        try:
            engine.start()
            for channel, messages in told().items():
                engine.send(channel, *messages)
            engine.all_settled(200)
            engine.account()
            engine.reconciled()
            return read_books(admin, _names(engine))
        finally:
            engine.end()


def _names(engine: HospitalEngine) -> TokenNames:
    """What tokens stand for; and that each message came to what it comes to in a trial."""
    names = TokenNames()
    effects: dict[int, list[Effect]] = {}
    for view in engine.deliveries():
        effects.setdefault(view.delivery.message_id, []).append(view.delivery.effect)
    for view in engine.messages():
        assert view.state.value in ("delivered", "filtered", "duplicate", "dead"), view
        if view.state.value == "dead":  # a cancellation of what Odoo never had: the one thing it refuses
            assert {type(one).__name__ for one in effects[view.id]} == {"Release"}
        if not view.original:
            wanted = engine.expected(view.channel, engine.content(view.id))
            names.learn(effects.get(view.id, []), wanted)
    return names


def standing(books: Books, mark: str) -> dict[str, object]:
    """What stands under a mark: reservations that are held, visits and whose they are."""
    found: dict[str, object] = {}
    for key, transfer in books.transfers.items():
        if mark in key and transfer.state == "assigned":
            found[key.partition("@")[0].replace(mark, "")] = repr(transfer).replace(mark, "")
    for token, contact in books.contacts.items():
        if mark in token and token.startswith("visit:") and contact.active:
            found[token.replace(mark, "")] = repr(contact).replace(mark, "")
    return found


@pytest.mark.parametrize(
    "story", [f"{channel[0]}{number:02}" for channel in CHANNELS for number in range(STORIES)]
)
def test_the_disordered_telling_stands_as_the_ordered_one(story: str, books: Books) -> None:
    assert standing(books, story + DISORDERED) == standing(books, story + ORDERED)


def test_much_stands(books: Books) -> None:
    marks = [f"{channel[0]}{number:02}{ORDERED}" for channel in CHANNELS for number in range(STORIES)]
    assert sum(len(standing(books, mark)) for mark in marks) > len(marks)
