"""Units written in any order and company, beside a model that keeps everything in one list."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conformance.resource_contract import body, key, term, unit, write
from conformance.store_contract import RING
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.resources import Expect, Find, Moved, Span, Unit, Write, Written
from engine.store.sql import open_store

DAY = 86400.0
IDS = st.sampled_from("abcde")
TYPES = st.sampled_from(["SupplyRequest", "SupplyRequest", "Location"])
WORDS = st.lists(st.sampled_from("xyz"), max_size=3, unique=True)
EDGES = st.sampled_from([float("-inf"), 1.0, 5.0, 40.0, 90.0, float("inf")])


@st.composite
def spans(draw: st.DrawFn) -> Span:
    low, high = sorted((draw(EDGES), draw(EDGES)))
    return Span(draw(st.sampled_from(["date", "authored"])), low * DAY, high * DAY)


@st.composite
def finds(draw: st.DrawFn) -> Find:
    groups = st.lists(st.lists(st.sampled_from("xyz"), min_size=1, max_size=2).map(tuple), max_size=2)
    terms = tuple(tuple(term(word) for word in group) for group in draw(groups))
    times = draw(st.lists(st.lists(spans(), min_size=1, max_size=2).map(tuple), max_size=1))
    ids = draw(st.lists(IDS, max_size=2, unique=True))
    since, until = draw(st.sampled_from([(0.0, 0.0), (0.0, 0.0), (103.0, 0.0), (0.0, 105.0), (102.0, 106.0)]))
    return Find(
        "R4", draw(TYPES), terms, tuple(times), tuple(ids), since, until, limit=draw(st.integers(1, 4))
    )


@dataclass
class _Row:
    """One version, as the model keeps it."""

    message: int
    created: int
    write: Write
    at: float
    unit: str


class ResourceMachine(RuleBasedStateMachine):
    template: Path

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "w.db")
        self.store = open_store(f"sqlite:///{self.folder}/w.db", RING)
        self.rows: list[_Row] = []
        self.clock = 100.0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    @rule(data=st.data(), count=st.integers(1, 5))
    def write(self, data: st.DataObject, count: int) -> None:
        self.clock += 1.0
        units = [self._unit(data, number) for number in range(count)]
        results = self.store.write(units)
        assert results == [self._expected(one) for one in units]

    def _unit(self, data: st.DataObject, number: int) -> Unit:
        """Mostly of the versions that come next, as they are before the batch."""
        writes = []
        for id_, type_ in data.draw(st.lists(st.tuples(IDS, TYPES), min_size=0, max_size=2, unique=True)):
            current = self._current().get(key(id_, type_))
            version = (current.write.version if current else 0) + data.draw(st.sampled_from([1, 1, 1, 2]))
            words = " ".join(data.draw(WORDS))
            times = data.draw(st.lists(spans(), max_size=2))
            deleted = data.draw(st.integers(0, 4)) == 0
            writes.append(
                write(id_, version, words, spans=times, deleted=deleted, type_=type_, at=self.clock)
            )
        expects = []
        for find in data.draw(st.lists(finds(), max_size=1)):
            ids = [row.write.key.id for row in self._found(find)]
            expects.append(Expect(find, tuple(ids if data.draw(st.integers(0, 3)) else ids[1:])))
        return unit(*writes, expects=expects, id_=f"{self.clock}/{number}")

    def _expected(self, one: Unit) -> Written | Moved:
        current = self._current()
        for each in one.writes:
            before = current.get(each.key)
            if each.version != (before.write.version if before else 0) + 1:
                return Moved()
        for expect in one.expects:
            if {row.write.key.id for row in self._found(expect.find)} != set(expect.ids):
                return Moved()
        first = len(self.rows) + 1
        for message, each in enumerate(one.writes, first):
            before = current.get(each.key)
            created = before.created if before else message
            self.rows.append(_Row(message, created, each, self.clock, one.id))
        ids = tuple(range(first, len(self.rows) + 1))
        return Written(ids, self.clock if ids else 0.0)

    @rule(find=finds(), after=st.integers(0, 12))
    def find(self, find: Find, after: int) -> None:
        matching = self._found(find)
        page = [row for row in matching if row.created > after][: find.limit]
        asked = Find(*(getattr(find, name) for name in find.__struct_fields__[:-2]), after, find.limit)
        found = self.store.find(asked)
        assert found.total == len(matching)
        assert [(version.message_id, version.created, version.at) for version in found.versions] == [
            (row.message, row.created, row.at) for row in page
        ]

    @rule(id_=IDS | st.just(""), type_=TYPES, before=st.integers(0, 30), since=st.integers(100, 110))
    def history(self, id_: str, type_: str, before: int, since: int) -> None:
        rows = [
            row
            for row in reversed(self.rows)
            if row.write.key.type == type_ and id_ in ("", row.write.key.id) and row.at >= since
        ]
        found = self.store.history("R4", type_, id_, before=before, since=float(since), limit=3)
        assert found.total == len(rows)
        page = [row for row in rows if not before or row.message < before][:3]
        assert [(one.message_id, one.version, one.deleted, one.body) for one in found.versions] == [
            (row.message, row.write.version, row.write.deleted, _body(row)) for row in page
        ]

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "store"):
            assert self.store.gaps() == self.store.verify_versions() == []
            current = self._current()
            read = self.store.resources(list(current))
            assert {each: (one.version, one.deleted, one.body) for each, one in read.items()} == {
                each: (row.write.version, row.write.deleted, _body(row)) for each, row in current.items()
            }

    def _current(self) -> dict[object, _Row]:
        return {row.write.key: row for row in self.rows}

    def _found(self, find: Find) -> list[_Row]:
        rows = [row for row in self._current().values() if _matches(find, row)]
        return sorted(rows, key=lambda row: row.created)


def _matches(find: Find, row: _Row) -> bool:
    one = row.write
    if one.deleted or one.key.type != find.type or (find.ids and one.key.id not in find.ids):
        return False
    if row.at < find.since or (find.until and row.at >= find.until):
        return False
    for group in find.terms:
        if not set(group) & set(one.terms):
            return False
    return all(
        any(
            asked.param == span.param and asked.low <= span.high and asked.high >= span.low
            for asked in group
            for span in one.spans
        )
        for group in find.spans
    )


def _body(row: _Row) -> bytes:
    return body(row.write.key.id, row.write.version)


@pytest.mark.timeout(900)
def test_resources_are_what_the_model_says(tmp_path: Path) -> None:
    ResourceMachine.template = tmp_path / "template.db"
    open_store(f"sqlite:///{ResourceMachine.template}", RING).close()
    machine = ResourceMachine.TestCase
    machine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
    machine().runTest()
