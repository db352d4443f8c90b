"""Every shipped case, over a socket through the running engine into a real Odoo, read back from there.

Twice: each message sent once, and each message sent three times at once over three connections (T14).
Both leave exactly the documents that the cases' expected effects come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from expected_books import ExpectedBooks
from odoo_books import Books, put_in_stock, read_books, read_lots, read_stock, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NAMES, NEEDS_ODOO, HospitalEngine
from running import at_once
from shipped_cases import Story, Told, stories
from token_names import TokenNames

from demo.odoo import Running
from demo.session import Session
from engine.config.cases.comparing import compare_effects
from engine.model import MessageState

pytestmark = [*NEEDS_ODOO, pytest.mark.slow, pytest.mark.timeout(900)]


class Outcome(NamedTuple):
    """What one telling of all stories left."""

    answers: dict[str, list[bytes | None]]  # by mark: the answers to the case's own message
    effects: dict[str, list[dict[str, dict[str, object]]]]
    states: dict[str, list[str]]
    books: Books
    stock: dict[tuple[str, str], tuple[float, float]]
    lots: dict[str, dict[tuple[str, str], float]]


class Telling:
    """Tells all stories to an engine of its own; each message `times` times at once."""

    def __init__(self, folder: Path, hospital: Running, times: int) -> None:
        self._engine, self._hospital, self._times = HospitalEngine(folder, hospital), hospital, times
        self._names = TokenNames()
        self._stored: dict[bytes, list[int]] = {}

    def tell(self) -> Outcome:
        with sign_in(self._hospital) as admin:
            put_in_stock(admin, self._hospital)
            self._engine.start()
            try:
                for number in range(max(len(story.before) for story in stories())):
                    self._chapter([(s, s.before[number]) for s in stories() if number < len(s.before)])
                answers = self._chapter([(story, story.told) for story in stories()])
                return self._outcome(answers, admin)
            finally:
                self._engine.end()

    def _chapter(self, told: Sequence[tuple[Story, Told]]) -> dict[str, list[bytes | None]]:
        """Send one message of each story and wait for what comes of them: the next may be about it."""
        answers: dict[str, list[bytes | None]] = {}
        for channel in NAMES:
            mine = [(story, one) for story, one in told if story.channel == channel]
            raws = [one.raw for _, one in mine]
            heard = at_once(*[lambda c=channel, r=raws: self._engine.send(c, *r) for _ in range(self._times)])
            answers |= {story.mark: [said[n] for said in heard] for n, (story, _) in enumerate(mine)}
        self._engine.all_settled()
        return answers

    def _outcome(self, answers: dict[str, list[bytes | None]], admin: Session) -> Outcome:
        raws = {one.raw: (story, one) for story in stories() for one in (*story.before, story.told)}
        effects, states = {}, {}
        by_message: dict[int, list[object]] = {}
        for view in self._engine.deliveries():
            by_message.setdefault(view.delivery.message_id, []).append(view.delivery.effect)
        for view in self._engine.messages():
            if view.original:
                continue
            story, one = raws[self._engine.content(view.id)]
            self._names.learn(by_message.get(view.id, []), one.effects)
            if one is story.told:
                effects[story.mark] = [self._names.shown(effect) for effect in by_message.get(view.id, [])]
            if one.effects:  # one that changes nothing is filtered
                states.setdefault(story.mark, []).append(view.state.value)
        self._engine.account()
        assert set(self._engine.reconciled()["compared"]) >= {"charge", "credit", "reserve", "consume"}
        books, lots = read_books(admin, self._names), read_lots(admin, self._names)
        return Outcome(answers, effects, states, books, read_stock(admin), lots)


def expected() -> Books:
    """What all stories together come to."""
    books = ExpectedBooks()
    for story in stories():
        for one in (*story.before, story.told):
            for effect in one.effects:
                books.apply(effect)
    return books.books()


@pytest.fixture(scope="module", params=[1, 3], ids=["sent-once", "sent-three-times-at-once"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    hospital = fresh_database(f"cases{request.param}")
    yield Telling(tmp_path_factory.mktemp("cases"), hospital, request.param).tell()
    drop_database(hospital)


@pytest.mark.parametrize("story", stories(), ids=lambda story: f"{story.channel}: {story.name}")
def test_a_case_stands_in_odoo_as_expected(story: Story, outcome: Outcome) -> None:
    code = (story.expect.acknowledgement or "AA").encode()
    assert all(answer and b"\rMSA|" + code + b"|" in answer for answer in outcome.answers[story.mark])
    assert set(outcome.states[story.mark]) == {MessageState.DELIVERED.value}
    assert [str(p) for p in compare_effects(story.told.effects, outcome.effects[story.mark], ())] == []
    assert of(story, outcome.books) == of(story, expected())


def test_nothing_else_stands_in_odoo(outcome: Outcome) -> None:
    assert outcome.books == expected()
    assert outcome.books.strays == {}


def test_the_stock_is_what_the_transfers_left(outcome: Outcome) -> None:
    """Each glove used left the ward's stock once, and came back once."""
    transfers = [t for t in outcome.books.transfers.values() if t.state == "done"]
    for code, full in (("GLV-M", 200.0), ("DRS-10", 20.0)):
        used = moved(transfers, code, 1) - moved(transfers, code, -1)
        assert used > 0
        assert outcome.stock[code, "WH/Wards/ICU"][0] == full - used
        assert outcome.stock[code, "Patient Care"][0] == used
    held = sum(
        line[2] for t in outcome.books.transfers.values() if t.state == "assigned"
        for line in t.lines if line[0] == "SUT-30"
    )  # fmt: skip
    assert outcome.stock["SUT-30", "WH/Stock"][1] == held


def test_goods_went_from_the_lots_that_were_named(outcome: Outcome) -> None:
    named: dict[str, dict[tuple[str, str], float]] = {}
    for effect in (
        effect for story in stories() for one in (*story.before, story.told) for effect in one.effects
    ):
        ((kind, fields),) = effect.items()
        for item in fields.get("items", ()) if kind == "consume" else ():
            if item.get("lot"):
                named[f"consume {fields['key']}"] = {(item["code"], item["lot"]): float(item["quantity"])}
    assert len(named) >= 15
    assert {key: outcome.lots.get(key) for key in named} == named


def test_a_return_that_names_no_lot_goes_back_into_the_one_it_came_from(outcome: Outcome) -> None:
    story = next(
        story for story in stories() if story.name == "a return in part, by the type of the dispense"
    )
    (back,) = (lots for key, lots in outcome.lots.items() if story.mark in key and key.endswith("/back"))
    assert back == {("AMOX-500", "AMX-2701"): 12.0}


def moved(transfers: Sequence[object], code: str, sign: int) -> float:
    """How much of an item went out of the ward (1) or back (-1)."""
    return sum(
        line[2]
        for transfer in transfers
        for line in transfer.lines
        if line[0] == code and line[4] is (sign < 0)
    )


def of(story: Story, books: Books) -> list[dict[str, object]]:
    """The story's part of the books."""
    return [{key: row for key, row in part.items() if story.mark in key} for part in books]
