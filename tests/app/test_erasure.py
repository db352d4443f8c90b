"""Erasing a person so that a restored backup brings nobody back (P15), while others are sent and routed."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conformance.store_contract import RING
from merging_hospital import Hospital
from vaults import PRIVATE

from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Unacceptable
from engine.privacy.unsealing import Unsealer
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.migrations import VERSION_TABLE
from engine.store.sql import open_store
from engine.store.tables import metadata
from engine.tokens import Erased, Erasure, TokenRow

JANE, JANES_OLD, JOE = "4711", "4799", "4712"

SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


class Place:
    """Where a store lies, with a cabinet apart, and how copies of the store are made and put back."""

    def __init__(self, folder: Path, new_postgres: Callable[[], str] | None) -> None:
        self._folder, self._new = folder, new_postgres
        self.url = new_postgres() if new_postgres else f"sqlite:///{folder}/wardline.db"
        self.cabinet = new_postgres() if new_postgres else f"sqlite:///{folder}/keys/cabinet"

    def open(self, url: str = "") -> Store:
        return open_store(url or self.url, RING, self.cabinet)

    def backup(self) -> str:
        """A copy of the store as it is now, the cabinet left out; its address."""
        if self._new is None:
            path = self._folder / "backup.db"
            with sqlite3.connect(self._folder / "wardline.db") as live, sqlite3.connect(path) as copy:
                live.backup(copy)
            live.close()
            copy.close()
            return f"sqlite:///{path}"
        url = self._new()
        open_store(url, RING).close()
        names = [VERSION_TABLE, *(table.name for table in metadata.sorted_tables)]
        with psycopg.connect(self.url) as live, psycopg.connect(url) as copy:
            live.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            copy.execute(f"TRUNCATE {', '.join(names)}")
            for name in names:
                with (
                    live.cursor().copy(f"COPY {name} TO STDOUT (FORMAT binary)") as out,  # type: ignore[arg-type]
                    copy.cursor().copy(f"COPY {name} FROM STDIN (FORMAT binary)") as into,  # type: ignore[arg-type]
                ):
                    for block in out:
                        into.write(block)
        return url


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    new = request.getfixturevalue("new_postgres") if request.param == "postgres" else None
    return Place(tmp_path, new)


@pytest.fixture
def hospital(place: Place) -> Iterator[Hospital]:
    """Jane, who had another number before, and Joe."""
    made = Hospital(place.url, cabinet=place.cabinet)
    admit(made, JANES_OLD, "V0")
    admit(made, JANE, "V1")
    admit(made, JOE, "V2")
    made.say("ADT^A40", pid(JANE), f"MRG|{JANES_OLD}^^^GENERAL^MR")
    yield made
    made.store.close()


def pid(number: str) -> str:
    return f"PID|1||{number}^^^GENERAL^MR||DOE^PERSON||19700101|F"


def admit(hospital: Hospital, number: str, visit: str) -> None:
    hospital.say("ADT^A01", pid(number), "PV1|1|I|3A" + "|" * 16 + visit)


def identifier(store: Store, row: TokenRow) -> str:
    return Unsealer([PRIVATE], store.seal_keys, store.cabinet, RING).identifier(row)


def erase(store: Store, token: str) -> tuple[Erased, Erased]:
    planned = store.erasable(token)
    entry = Entry(at=9e8, who="officer", role="operator", act=Act.ERASE, object=token)
    return planned, store.erase(Erasure(token, 9e8, "asked for it", "T-1", "officer"), planned, entry)


def rows_of(store: Store, tokens: tuple[str, ...]) -> dict[str, TokenRow]:
    return store.token_rows(tokens)


def contents(store: Store) -> set[int]:
    found = set()
    for view in store.messages(Query(limit=1000)):
        try:
            store.content(view.id)
        except KeyError:
            continue
        found.add(view.id)
    return found


class Traffic:
    """Others who are admitted all the while, through a router of their own."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = Hospital.beside(hospital)
        self._ended = threading.Event()
        self.sent, self.failures = 0, list[BaseException]()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self.sent += 1
                admit(self._hospital, f"9{self.sent % 7}", f"W{self.sent}")
        except BaseException as error:
            self.failures.append(error)

    def more(self) -> None:
        """A few more of them came in."""
        enough = self.sent + 4
        while self.sent < enough and self._thread.is_alive():
            self._thread.join(0.01)

    def end(self) -> None:
        self._ended.set()
        self._thread.join(30)
        assert self.failures == []


def test_p15_a_restored_backup_brings_nobody_back(place: Place, hospital: Hospital) -> None:
    store = hospital.store
    jane, joe = hospital.person(JANE), hospital.person(JOE)
    before = rows_of(store, store.erasable(jane).tokens)
    assert {row.domain for row in before.values()} == {"p", "v"}
    traffic = Traffic(hospital)
    traffic.more()
    copy = place.backup()
    traffic.more()
    planned, done = erase(store, jane)
    assert set(planned.persons) == {token_of_old for token_of_old in before if token_of_old[2] == "p"}
    assert len(planned.persons) == 2
    _is_erased(store, done, before)
    assert set(planned.messages) <= set(done.messages)
    assert identifier(store, store.token_rows([joe])[joe]).endswith(JOE)

    admit(hospital, JANE, "V9")
    newcomer = hospital.person(JANE)
    assert newcomer not in before
    assert store.deliveries(Query(limit=1000)) != []
    traffic.more()
    traffic.end()
    assert store.gaps() == []
    assert store.verify_audit() == []
    hospital.store.close()

    restored = place.open(copy)
    _is_erased(restored, done, before)
    assert identifier(restored, restored.token_rows([joe])[joe]).endswith(JOE)
    assert [one.token for one in restored.erasures()] == sorted(planned.persons)
    (again,) = restored.entries(AuditQuery(act=Act.ERASE))
    assert "again" in again.entry.detail
    assert restored.verify_audit() == []
    assert restored.gaps() == []
    hospital.store = restored  # closed with the fixture


def _is_erased(store: Store, done: Erased, before: dict[str, TokenRow]) -> None:
    """What was sealed does not open, not even as it stands in the backup; nothing finds it, and no content
    is left that names it."""
    assert all(row.sealed is None and row.erased_at for row in store.token_rows(done.tokens).values())
    for row in before.values():
        assert row.sealed is not None
        with pytest.raises(Unacceptable):
            identifier(store, row)
    assert store.kin(done.persons) == {}
    assert not contents(store) & set(done.messages)


@SQLITE
def test_what_names_another_known_person_stays_for_its_time(place: Place, hospital: Hospital) -> None:
    store = hospital.store
    number = hospital.say("ADT^A40", pid("4720"), "MRG|4721^^^GENERAL^MR").id
    both = hospital.say("ADT^A17", pid(JOE), "PV1|1|I|WARD^1", pid(JANE), "PV1|1|I|WARD^2").id
    planned, done = erase(store, hospital.person(JOE))
    assert planned.shared == (both,)
    assert both in contents(store)
    assert number in contents(store)
    assert both not in [view.id for view in hospital.find("mrn", JOE).messages]
    assert set(done.messages) == {3}


def test_a_death_between_cabinet_and_store_is_made_good_at_the_next_start(
    place: Place, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = hospital.store
    jane = hospital.person(JANE)
    before = rows_of(store, store.erasable(jane).tokens)
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "_carry_out", _dies)
        with pytest.raises(OSError):
            erase(store, jane)
    assert all(row.sealed for row in rows_of(store, tuple(before)).values())
    again = place.open()
    _is_erased(again, store.erasable(jane), before)
    assert {one.token for one in again.erasures()} == {one for one in before if one[2] == "p"}
    again.close()


def _dies(*_: Any, **__: Any) -> Erased:
    raise OSError


def test_a_cabinet_of_before_brings_nobody_back_either(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    hospital = Hospital(place.url, cabinet=place.cabinet)
    admit(hospital, JANE, "V1")
    jane = hospital.person(JANE)
    hospital.store.close()
    shutil.copytree(tmp_path / "keys", tmp_path / "old keys")
    store = place.open()
    before = rows_of(store, (jane,))
    erase(store, jane)
    store.close()
    shutil.rmtree(tmp_path / "keys")
    shutil.copytree(tmp_path / "old keys", tmp_path / "keys")
    again = place.open()
    assert again.cabinet.subject_keys([jane]) == {}
    with pytest.raises(Unacceptable):
        identifier(again, before[jane])
    again.close()


@SQLITE
def test_content_that_was_purged_stays_purged_in_an_older_copy(place: Place, hospital: Hospital) -> None:
    from conformance.purge_contract import DAY

    from engine.model import Retention

    store, everything = hospital.store, contents(hospital.store)
    copy = place.backup()
    terms = Retention(content=1, dead=1, quarantine=1)
    store.purge(terms, {}, 5 * DAY)
    kept = contents(store)
    store.close()
    restored = place.open(copy)
    assert len(everything) == 4
    assert contents(restored) <= kept
    hospital.store = restored


def test_a_merge_after_the_plan_stops_the_erasure(place: Place, hospital: Hospital) -> None:
    store = hospital.store
    joe = hospital.person(JOE)
    planned = store.erasable(joe)
    admit(hospital, "5000", "V5")
    hospital.say("ADT^A40", pid(JOE), "MRG|5000^^^GENERAL^MR")
    entry = Entry(at=9e8, who="officer", role="operator", act=Act.ERASE, object=joe)
    with pytest.raises(Unacceptable, match="merged or parted meanwhile"):
        store.erase(Erasure(joe, 9e8, "asked for it", "T-1", "officer"), planned, entry)
    assert identifier(store, store.token_rows([joe])[joe]).endswith(JOE)
    assert len(erase(store, joe)[1].persons) == 2


def test_what_is_merged_into_an_erased_person_meanwhile_stands_for_itself(
    place: Place, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = hospital.store
    admit(hospital, "5000", "V5")
    joe, other = hospital.person(JOE), hospital.person("5000")
    destroy = store.cabinet.erase

    def merged_meanwhile(erasure: Erasure, erased: Erased) -> None:
        destroy(erasure, erased)
        hospital.say("ADT^A40", pid(JOE), "MRG|5000^^^GENERAL^MR")

    monkeypatch.setattr(store.cabinet, "erase", merged_meanwhile)
    _, done = erase(store, joe)
    assert done.persons == (joe,)
    admit(hospital, "5000", "V6")  # a number without a key would stop the router here
    assert hospital.person("5000") == other
    assert store.merges(other)[0].undone_at


def test_what_came_between_cabinet_and_store_goes_too_and_leaves_others_alone(
    place: Place, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = hospital.store
    joe = hospital.person(JOE)
    planned = store.erasable(joe)
    store.cabinet.erase(Erasure(joe, 9.0, "asked for it", "T-1", "officer"), planned)  # and died
    admit(hospital, JOE, "V77")  # by a router that has his key still
    both = hospital.say("ADT^A17", pid(JOE), "PV1|1|I|WARD^1", pid(JANE), "PV1|1|I|WARD^2").id
    assert hospital.find("visit", "V77").tokens
    assert store.settle_erasures((), 1000.0)
    assert hospital.find("visit", "V77").tokens == ()
    assert both in contents(store)
    assert both not in [view.id for view in hospital.find("mrn", JOE).messages]
