"""What is done to the audit past its verbs is found: whatever it is, whoever writes to the database."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance.audit_contract import entry
from conformance.store_contract import RING
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.auditing import Act, AuditQuery, Checkpoint
from engine.errors import Misconfigured
from engine.store.database import Work
from engine.store.keys import KeyRing
from engine.store.sql import SqlStore, open_store
from engine.store.trail import chained
from engine.store.witness import read_witness, witness

Tamper = Callable[[Work], object]

_ROW = "id, at, who, role, act, object, why, ticket, outcome, detail, chain"
_EMPTY = ("audit", "audit_head", "audit_checkpoints")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('audit')}/wardline.db"
    else:
        url = request.getfixturevalue("new_postgres")()
    opened = open_store(url, RING)
    assert isinstance(opened, SqlStore)
    yield opened
    opened.close()


@pytest.fixture
def audit(store: SqlStore) -> SqlStore:
    fill(store)
    return store


def fill(store: SqlStore) -> list[Checkpoint]:
    """Twelve entries: 1 to 4, the key (5), 6 to 8 and checkpoints after 5 and 8, then 9 to 12."""
    with store._database.write("audit") as work:
        for table in _EMPTY:
            work.run(f"DELETE FROM {table}")
    store.record([entry(number) for number in range(1, 5)])
    first = store.checkpoint(200.0)
    store.record([entry(number) for number in range(6, 9)])
    second = store.checkpoint(201.0)
    store.record([entry(number, act=Act.SEARCH) for number in range(9, 13)])
    assert first is not None
    assert second is not None
    assert (first.upto, second.upto) == (5, 8)
    return [first, second]


def do(store: SqlStore, tamper: Tamper) -> None:
    with store._database.write("audit") as work:
        tamper(work)


def sql(*statements: str) -> Tamper:
    return lambda work: [work.run(statement) for statement in statements]


def swap(one: int, other: int) -> Tamper:
    """Everything of two rows, but their numbers, changes places."""
    columns = _ROW.partition(", ")[2]

    def run(work: Work) -> None:
        rows = {row[0]: row[1:] for row in work.rows(f"SELECT {_ROW} FROM audit")}
        for into, of in ((one, other), (other, one)):
            sets = ", ".join(f"{name} = ?" for name in columns.split(", "))
            work.run(f"UPDATE audit SET {sets} WHERE id = ?", (*rows[of], into))

    return run


def anew(number: int, **changes: str) -> Tamper:
    """Change a row, and write the chain of it and of all that follow as if it had been so from the start."""

    def run(work: Work) -> None:
        for column, text in changes.items():
            work.run(f"UPDATE audit SET {column} = ? WHERE id = ?", (text, number))
        rows = work.rows(f"SELECT {_ROW} FROM audit ORDER BY id")
        chain = next((row[-1] for row in rows if row[0] == number - 1), bytes(32))
        for row in rows:
            if row[0] >= number:
                chain = chained(chain, row[:-1])
                work.run("UPDATE audit SET chain = ? WHERE id = ?", (chain, row[0]))

    return run


def both(*tampers: Tamper) -> Tamper:
    return lambda work: [tamper(work) for tamper in tampers]


LAST_AGAIN = "UPDATE audit_head SET upto = 10, chain = (SELECT chain FROM audit WHERE id = 10)"

TAMPERED: dict[str, tuple[Tamper, str]] = {
    "edited": (sql("UPDATE audit SET object = 'message:99' WHERE id = 3"), "entry 3: it was changed"),
    "edited a time": (sql("UPDATE audit SET at = at - 1 WHERE id = 9"), "entry 9: it was changed"),
    "edited the last": (sql("UPDATE audit SET who = 'otto' WHERE id = 12"), "entry 12: it was changed"),
    "removed": (sql("DELETE FROM audit WHERE id = 6"), "entry 6: it is missing"),
    "removed some": (sql("DELETE FROM audit WHERE id IN (2, 3)"), "entries 2 to 3: they are missing"),
    "removed the first": (sql("DELETE FROM audit WHERE id = 1"), "entry 1: it is missing"),
    "removed and closed": (
        both(sql("DELETE FROM audit WHERE id = 12", "UPDATE audit SET id = 12 WHERE id = 11"), anew(11)),
        "entry 11: it is missing",
    ),
    "reordered": (swap(6, 7), "entry 6: it was changed"),
    "reordered and written anew": (both(swap(6, 7), anew(6)), "the entries up to 8 are not those of then"),
    "truncated": (sql("DELETE FROM audit WHERE id > 10"), "entries were cut off"),
    "truncated with its end": (sql("DELETE FROM audit WHERE id > 10", LAST_AGAIN), "the end was changed"),
    "truncated with its checkpoints": (
        sql("DELETE FROM audit WHERE id > 4", "DELETE FROM audit_checkpoints"), "entries were cut off",
    ),
    "truncated and the end removed": (
        sql("DELETE FROM audit WHERE id > 8", "DELETE FROM audit_head"), "the end is missing",
    ),
    "truncated behind a checkpoint": (sql("DELETE FROM audit WHERE id > 7"), "entries went up to 8"),
    "emptied but for checkpoints": (sql("DELETE FROM audit", "DELETE FROM audit_head"), "the end is missing"),
    "inserted": (
        sql(f"INSERT INTO audit SELECT 13, {_ROW.partition(', ')[2]} FROM audit WHERE id = 3"),
        "entries were added",
    ),
    "inserted in front": (
        sql(f"INSERT INTO audit SELECT -1, {_ROW.partition(', ')[2]} FROM audit WHERE id = 3"),
        "stand before entry 1",
    ),
    "written anew": (anew(3, who="otto"), "the entries up to 5 are not those of then"),
    "written anew since the last checkpoint": (anew(10, who="otto"), "it does not end as it was left"),
    "a checkpoint edited": (
        sql("UPDATE audit_checkpoints SET at = 1 WHERE number = 1"), "checkpoint 1: its signature",
    ),
    "a checkpoint removed": (
        sql("DELETE FROM audit_checkpoints WHERE number = 1"), "checkpoint 1: it is missing",
    ),
    "a checkpoint of another key": (
        sql("UPDATE audit_checkpoints SET key_id = 'mine' WHERE number = 2"), "checkpoint 2: the key",
    ),
    "let go of, as if": (
        both(
            anew(12, act="purge", object="audit", outcome="done"),
            lambda work: work.run("UPDATE audit SET detail = ? WHERE id = 12", (b'{"upto":"5"}',)),
            sql("DELETE FROM audit WHERE id <= 5"),
            anew(12),
        ),
        "it does not end as it was left",
    ),
}  # fmt: skip


def test_what_nobody_touched_holds(audit: SqlStore) -> None:
    assert audit.verify_audit() == []


@pytest.mark.parametrize("case", TAMPERED)
def test_it_is_found(audit: SqlStore, case: str) -> None:
    tamper, said = TAMPERED[case]
    do(audit, tamper)
    assert said in "\n".join(audit.verify_audit())


@pytest.mark.parametrize("case", TAMPERED)
def test_it_is_still_found_after_others_went_on(audit: SqlStore, case: str) -> None:
    """Nothing that was done to the audit is covered up by what is appended and signed after it."""
    do(audit, TAMPERED[case][0])
    for number in range(20, 23):
        audit.record([entry(number)])
        audit.checkpoint(300.0 + number)
    assert audit.verify_audit() != []


@pytest.mark.parametrize("upto", [2, 5, 8, 10])
def test_what_was_truncated_with_its_checkpoints_is_known_to_the_witness(store: SqlStore, upto: int) -> None:
    """Somebody kept the end of an earlier moment: in itself the audit is right."""
    kept: dict[str, list[Any]] = {}

    def keep(work: Work) -> None:
        kept["head"] = work.rows("SELECT upto, chain, key_id, mac FROM audit_head")

    fill(store)
    store.record([entry(13)])
    do(store, keep)
    done = [store.checkpoint(400.0)]
    store.record([entry(14)])
    done.append(store.checkpoint(401.0))
    witnessed = [one for one in done if one is not None]
    back = kept["head"][0]
    do(
        store,
        lambda work: (
            work.run("DELETE FROM audit WHERE id > ?", (back[0],)),
            work.run("DELETE FROM audit_checkpoints WHERE number > 2"),
            work.run("UPDATE audit_head SET upto = ?, chain = ?, key_id = ?, mac = ?", back),
        ),
    )
    assert store.verify_audit() == []
    assert "entries went up to 14, now they end with 13" in "\n".join(store.verify_audit(witnessed))


def test_a_database_rolled_back_is_found_by_the_file(tmp_path: Path) -> None:
    file, now = tmp_path / "elsewhere" / "checkpoints", tmp_path / "wardline.db"
    file.parent.mkdir()
    with _open(now) as store:
        store.record([entry(1)])
        assert witness(store, file, 200.0).missed is None
    copy = tmp_path / "copy.db"
    shutil.copy(now, copy)
    with _open(now) as store:
        store.record([entry(2)])
        assert witness(store, file, 201.0).missed is None
        assert store.verify_audit(read_witness(file).checkpoints) == []
    for beside in tmp_path.glob("wardline.db-*"):
        beside.unlink()
    shutil.copy(copy, now)
    with _open(now) as store:
        assert store.verify_audit() == []
        missed = witness(store, file, 202.0).missed
        assert missed is not None
        assert missed.upto == 3
        for number in range(3, 9):  # it goes on, and is found for ever
            store.record([entry(number)])
            witness(store, file, 203.0 + number)
        found = store.verify_audit(read_witness(file).checkpoints)
        assert "checkpoint 2: it is not the one that was witnessed, or missing" in found
    assert len(read_witness(file).checkpoints) == 7


def test_the_file_is_caught_up_and_torn_lines_are_told(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    with _open(tmp_path / "wardline.db") as store:
        for number in range(3):
            store.record([entry(number)])
            witness(store, None, 200.0 + number)
        witness(store, file, 300.0)
        assert [one.number for one in read_witness(file).checkpoints] == [1, 2, 3]
        with file.open("ab") as torn:
            torn.write(b'{"number":4,"upto"')
        store.record([entry(9)])
        witness(store, file, 301.0)
        read = read_witness(file)
        assert [one.number for one in read.checkpoints] == [1, 2, 3, 4]
        assert read.findings == ["line 4 of the file is no checkpoint"]


def test_keys_that_have_left_the_ring_still_hold_what_they_signed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/wardline.db"
    old, new = {"old": b"\x01" * 32}, {"new": b"\x02" * 32}
    for ring in (KeyRing(old), KeyRing(new | old), KeyRing(new)):
        store = open_store(url, ring)
        store.record([entry(1)])
        assert store.checkpoint(200.0) is not None
        assert store.verify_audit() == []
        store.close()


def _open(path: Path) -> Any:
    class Opened:
        def __enter__(self) -> SqlStore:
            self.store = open_store(f"sqlite:///{path}", RING)
            assert isinstance(self.store, SqlStore)
            return self.store

        def __exit__(self, *_: object) -> None:
            self.store.close()

    return Opened()


# At random

_TEXTS = ("who", "role", "act", "object", "why", "ticket", "outcome")
_NUMBERS = st.integers(1, 12)


def _edit(number: int, column: str, text: str) -> Tamper:
    return lambda work: work.run(f"UPDATE audit SET {column} = ? WHERE id = ?", (text, number))


def _blob(number: int, column: str, value: bytes) -> Tamper:
    return lambda work: work.run(f"UPDATE audit SET {column} = ? WHERE id = ?", (value, number))


def _delete(numbers: set[int]) -> Tamper:
    return lambda work: [work.run("DELETE FROM audit WHERE id = ?", (number,)) for number in numbers]


def _copy(of: int, to: int) -> Tamper:
    rest = _ROW.partition(", ")[2]
    return lambda work: work.run(f"INSERT INTO audit SELECT ?, {rest} FROM audit WHERE id = ?", (to, of))


_TAMPER = st.one_of(
    st.builds(_edit, _NUMBERS, st.sampled_from(_TEXTS), st.text("abc\u00e9 ", max_size=3)),
    st.builds(_blob, _NUMBERS, st.sampled_from(["detail", "chain"]), st.binary(max_size=33)),
    st.builds(_delete, st.sets(_NUMBERS, min_size=1)),
    st.builds(_copy, _NUMBERS, st.integers(-3, 20)),
    st.builds(swap, _NUMBERS, _NUMBERS),
    st.builds(lambda number, who: anew(number, who=who), _NUMBERS, st.text("ow", max_size=3)),
)


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    with _open(tmp_path_factory.mktemp("random") / "wardline.db") as opened:
        yield opened


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(tampers=st.lists(_TAMPER, min_size=1, max_size=3), after=st.integers(0, 2))
def test_whatever_is_done_is_found(lite: SqlStore, tampers: list[Tamper], after: int) -> None:
    """Any change of what the rows say, whether or not others went on after it."""
    fill(lite)
    before = _rows(lite)
    with suppress(Exception):  # what the database itself refuses is not done
        do(lite, both(*tampers))
    changed = _rows(lite) != before
    for number in range(after):
        lite.record([entry(number)])
    assert bool(lite.verify_audit()) == changed


def _rows(store: SqlStore) -> list[tuple[Any, ...]]:
    with store._database.read() as work:
        return work.rows(f"SELECT {_ROW} FROM audit ORDER BY id")


def test_a_row_that_was_damaged_is_shown_as_it_stands(audit: SqlStore) -> None:
    do(audit, sql("UPDATE audit SET act = 'nothing', outcome = '' WHERE id = 3"))
    do(audit, lambda work: work.run("UPDATE audit SET detail = ? WHERE id = 3", (b"\xff",)))
    shown = audit.entries(AuditQuery(after=2, limit=1))[0].entry
    assert (shown.act, shown.outcome, shown.detail) == ("nothing", "", {"damaged": "yes"})


@given(
    at=st.floats(0, 1e11, allow_nan=False),
    texts=st.lists(st.text().filter(str.isprintable), min_size=7, max_size=7),
    detail=st.dictionaries(st.text().filter(str.isprintable), st.text().filter(str.isprintable)),
)
def test_the_row_that_is_chained_is_what_any_json_library_writes(
    at: float, texts: list[str], detail: dict[str, str]
) -> None:
    """The manual's script follows the chain with Python's own."""
    ours = chained(b"", (1, at, *texts, msgspec.json.encode(detail, order="sorted")))
    told = [1, at, *texts, dict(sorted(detail.items()))]
    row = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    assert ours == hashlib.sha256(row.encode()).digest()


def test_what_is_past_its_time_goes_in_parts_and_holds_after_each(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.audit._AT_ONCE", 3)
    fill(store)
    for number in range(6):
        store.record([entry(number)] * 2)
        store.checkpoint(210.0 + number)
    told = entry(50, role="engine", act=Act.PURGE)
    assert store.purge_audit(214.5, told) == 22
    parts = store.entries(AuditQuery(act="purge"))
    assert sum(int(one.entry.detail["entries"]) for one in parts) == 22
    assert len(parts) > 3
    assert store.verify_audit() == []
    do(store, sql("UPDATE audit SET who = 'otto' WHERE id = 23"))
    store.checkpoint(400.0)
    with pytest.raises(Misconfigured, match="does not hold"):
        store.purge_audit(500.0, told)
