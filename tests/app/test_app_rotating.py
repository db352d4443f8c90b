"""Rotation of what the vault's rows are sealed with and found by, under load (P07); a leaked index key."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from conformance.store_contract import accept
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import create_engine, text

from engine.app import rotating
from engine.app.opening import reader_of
from engine.app.rotating import Rotated, rotate, rotate_terms
from engine.auditing import Act, Entry
from engine.errors import Misconfigured, Unacceptable
from engine.fhir import json_text
from engine.fhir.indexing import index
from engine.fhir.searching import Context, parse_search
from engine.fhir.stored import Stored, pack
from engine.model import Arrival, Filtered, Routing
from engine.privacy.book import TokenBook
from engine.privacy.mentions import term
from engine.privacy.sealing import Sealer, SubjectGone
from engine.privacy.unsealing import Unsealer, keys_of_ring
from engine.privacy.vault import Vault, canonical
from engine.resources import Find, ResourceKey, Unit, Write
from engine.settings import Settings
from engine.store.base import Store, TokensTaken, VaultTurned
from engine.store.cipher import Fingerprints
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.tokens import Erasure, Lookup, NewToken

OLD = KeyRing({"old": b"\x01" * 32})
BOTH = KeyRing({"new": b"\x02" * 32, "old": b"\x01" * 32})
NEW = KeyRing({"new": b"\x02" * 32})


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/wardline.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating, "PAGE", 40)


class Router:
    """What the routing loop does with the vault, for made-up numbers."""

    def __init__(self, store: Store, ring: KeyRing) -> None:
        self._store, self._ring = store, ring
        reader = reader_of(Settings(), ring)
        self.sealer = Sealer(reader, store.keep_seal_key, store.cabinet, clock=lambda: 100.0)  # far behind
        self._book = TokenBook(self._vault(), store.tokens)

    def _vault(self) -> Vault:
        return Vault.of(self._ring.following(self._store.uses()))

    def tokens(self, numbers: list[str], routings: tuple[Routing, ...] = ()) -> list[tuple[str, str]]:
        """The tokens of visits, each of the person of that number."""
        while True:
            found = [self._map(at, number) for at, number in enumerate(numbers)]
            while affected := self._book.verify():
                for at in affected:
                    found[at] = self._map(at, numbers[at])
            try:
                rows = self.sealer.seal(self._book.minted())
                self._store.route(routings, rows, 1.0, turn=self._book.turn)
            except TokensTaken as taken:
                self._book.abandon(taken.known)
                continue
            except (VaultTurned, SubjectGone):
                self.sealer.forget()
                self._book.renew(self._vault())
                continue
            self._book.committed()
            return found

    def _map(self, at: int, number: str) -> tuple[str, str]:
        self._book.start(at)
        return number, "/".join(self._book.token(letter, "HOSP", "", number) for letter in "pv")


class Load:
    """Routers that ask for the same few hundred numbers all the time, until they are told to end."""

    def __init__(self, stores: list[Store]) -> None:
        self.known: dict[str, set[str]] = {}
        self.failures: list[BaseException] = []
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(store, n)) for n, store in enumerate(stores)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, store: Store, seed: int) -> None:
        dice = random.Random(seed)
        try:
            router = Router(store, BOTH)
            while not self._ended.is_set():
                for number, tokens in router.tokens([str(dice.randrange(400)) for _ in range(10)]):
                    self.known.setdefault(number, set()).add(tokens)
                if dice.random() < 0.2:  # a router that has just started: it knows nothing
                    router = Router(store, BOTH)
        except BaseException as error:
            self.failures.append(error)

    def end(self) -> dict[str, str]:
        """The tokens of every number; all routers always gave the same."""
        self._ended.set()
        for thread in self._threads:
            thread.join(30)
        assert self.failures == []
        assert {len(tokens) for tokens in self.known.values()} == {1}
        return {number: tokens.pop() for number, tokens in self.known.items()}


def turn(
    store: Store, ring: KeyRing = BOTH, told: Callable[[int], None] = lambda _: None, **given: Any
) -> Rotated:
    sealer = Sealer(reader_of(Settings(), ring), store.keep_seal_key, store.cabinet, clock=lambda: 500.0)
    return rotate(store, ring, ring.current, opener(store, ring), sealer, now=500.0, told=told, **given)


def opener(store: Store, ring: KeyRing) -> Unsealer:
    return Unsealer(keys_of_ring(ring), store.seal_keys, store.cabinet, ring)


def asked(store: Any, query: str) -> list[tuple[Any, ...]]:
    with store._database.read() as work:
        return list(work.rows(query))


@pytest.fixture
def filled(url: str) -> dict[str, str]:
    """A store with the tokens of 300 persons and their visits under the old key."""
    store = open_store(url, OLD)
    found = dict(Router(store, OLD).tokens([str(number) for number in range(300)]))
    store.close()
    return found


def test_P07_no_token_changes_and_no_lookup_fails_while_keys_are_rotated(
    url: str, filled: dict[str, str]
) -> None:
    stores = [open_store(url, BOTH) for _ in range(3)]
    load = Load(stores[:2])
    store = stores[2]
    while len(load.known) < 50 and not load.failures:
        time.sleep(0.01)
    done = turn(store)
    until = len(load.known) + 20
    while len(load.known) < min(until, 395) and not load.failures:
        time.sleep(0.01)
    tokens = load.end()
    assert not done.closed
    assert done.rows >= 600
    assert {number: tokens[number] for number in tokens.keys() & filled.keys()} == {
        number: filled[number] for number in tokens.keys() & filled.keys()
    }
    assert asked(store, "SELECT DISTINCT key_id FROM lookups") == [("new",)]
    assert {row[0] for row in asked(store, "SELECT DISTINCT reader FROM seal_keys")} == {"ring:new"}
    rows = store.rotation_page("", 10_000)
    assert len(rows) == 2 * len(filled.keys() | tokens.keys())
    opened = dict(zip([row.token for row in rows], opener(store, NEW).identifiers(rows), strict=True))
    for number, pair in tokens.items():
        person, visit = pair.split("/")
        assert opened[person] == canonical("p", "HOSP", "", number)
        assert opened[visit] == canonical("v", "HOSP", "", number)
    assert {row.subject for row in rows} == {row.token for row in rows if row.domain == "p"}
    assert store.deliveries(Query()) == []  # nothing went out: Odoo knows nothing of it
    for one in stores:
        one.close()


def test_the_old_key_may_leave_the_ring_afterwards_and_finds_nothing(
    url: str, filled: dict[str, str]
) -> None:
    """The drill of a leaked index key: whoever has it, and the store, tries all numbers there are."""
    store = open_store(url, BOTH)
    leaked = Vault.of(OLD)
    names = [canonical(letter, "HOSP", "", str(number)) for letter in "pv" for number in range(300)]
    (message,) = accept(store, 1)
    mentions = tuple(term(leaked.index(name)) for name in names[:5])
    store.route([Routing(message, Filtered("x"), mentions=mentions)], [], 1.0)
    assert len(store.tokens([leaked.index(name) for name in names])) == 600
    turn(store)
    tries = [leaked.index(name) for name in names]
    assert store.tokens(tries) == {}
    assert store.mentioned([term(one) for one in tries], Query()) == []
    now = Vault.of(BOTH.following(store.uses()))
    assert [view.id for view in store.mentioned([term(now.index(names[4]))], Query())] == [message]
    assert len(store.tokens([now.index(name) for name in names])) == 600
    store.close()


def test_a_number_that_never_became_a_token_is_forgotten_when_the_key_leaked(
    url: str, filled: dict[str, str]
) -> None:
    store = open_store(url, BOTH)
    leaked = Vault.of(OLD)
    known, stranger = (term(leaked.index(canonical("p", "HOSP", "", number))) for number in ("1", "stranger"))
    (message,) = accept(store, 1)
    store.route([Routing(message, Filtered("x"), mentions=(known, stranger))], [], 1.0)
    turn(store)
    assert [view.id for view in store.mentioned([stranger], Query())] == [message]
    assert store.forget_strangers("new") == 1
    assert store.mentioned([known, stranger], Query()) == []
    now = term(Vault.of(BOTH.following(store.uses())).index(canonical("p", "HOSP", "", "1")))
    assert [view.id for view in store.mentioned([now], Query())] == [message]
    store.close()


class Killed(BaseException):
    pass


def test_what_was_interrupted_is_run_again(url: str, filled: dict[str, str]) -> None:
    for pages in (1, 4, 15):
        store, left = open_store(url, BOTH), [pages]

        def told(_: int, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise Killed

        with pytest.raises(Killed):
            turn(store, told=told)
        assert dict(Router(store, BOTH).tokens(["1", "299"])) == {n: filled[n] for n in ("1", "299")}
        store.close()
    store = open_store(url, BOTH)
    done = turn(store)
    assert (done.rows, done.closed) == (600, [])
    assert done.sealed < 50  # the others were done before
    assert dict(Router(store, BOTH).tokens(["1", "299", "7"])) == {n: filled[n] for n in ("1", "299", "7")}
    assert asked(store, "SELECT DISTINCT key_id FROM lookups") == [("new",)]
    assert "vault-seal" not in store.uses()
    store.close()


def test_a_row_that_does_not_open_keeps_its_keys_until_it_may_be_lost(
    url: str, filled: dict[str, str]
) -> None:
    damaged = filled["7"].split("/")[1]
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE tokens SET domain = 'a' WHERE token = :token"), {"token": damaged})
    engine.dispose()
    store = open_store(url, BOTH)
    assert turn(store).closed == [damaged]
    assert dict(Router(store, BOTH).tokens(["7"])) == {"7": filled["7"]}  # found under its old key
    assert store.uses()["vault-index"].keys == ("new", "old")
    assert turn(store, lose=True).closed == [damaged]
    assert store.uses()["vault-index"].keys == ("new",)
    assert Router(store, BOTH).tokens(["7"])[0][1].split("/")[0] == filled["7"].split("/")[0]
    assert Router(store, BOTH).tokens(["7"])[0][1].split("/")[1] != damaged
    store.close()


def test_rows_of_an_older_version_become_their_persons(url: str) -> None:
    """Sealed with a ring key, for nobody; afterwards they open with the person's own key only."""
    store = open_store(url, OLD)
    identifier = canonical("p", "HOSP", "MR", "007")
    sealed = bytes(12) + AESGCM(OLD.derive("vault-seal")).encrypt(
        bytes(12), identifier.encode(), b"\x1fp\x1ft1p_x\x1fold"
    )
    found = (Lookup(Vault.of(OLD).index(identifier), "old"),)
    store.route([], [NewToken(token="t1p_x", domain="p", lookups=found, key_id="old", sealed=sealed)], 1.0)
    assert turn(store, OLD).sealed == 1
    row = store.token_rows(["t1p_x"])["t1p_x"]
    assert row.subject == "t1p_x"
    assert opener(store, OLD).identifier(row) == identifier
    store.cabinet.destroy(["t1p_x"], "erasure", 9.0)
    with pytest.raises(Unacceptable):
        opener(store, OLD).identifier(row)
    store.close()


def test_a_process_without_the_new_key_says_so(url: str, filled: dict[str, str]) -> None:
    store, late = open_store(url, BOTH), open_store(url, OLD)
    router = Router(late, OLD)
    router.tokens(["1"])
    turn(store)
    with pytest.raises(Misconfigured, match="lacks 'new'"):
        router.tokens(["2"])
    store.close()
    late.close()


def test_resources_are_found_before_during_and_after_the_rotation_of_their_key(url: str) -> None:
    def supply(number: int, ring: KeyRing) -> Unit:
        store_keys = Fingerprints(ring)
        body = {"resourceType": "SupplyRequest", "id": f"s{number}", "identifier": [{"value": f"N{number}"}]}
        raw = pack(Stored("R4", "SupplyRequest", f"s{number}", 1, False, json_text.dump(body)))
        name = store_keys.of("supply", b"", b"", str(number).encode())
        terms, spans = index(body, "R4", UTC, store_keys.term)
        key = ResourceKey("R4", "SupplyRequest", f"s{number}")
        return Unit(
            "", (Write(Arrival("supply", raw, name, store_keys.digest(raw), 5.0), key, 1, terms, spans),)
        )

    def found(number: int, ring: KeyRing) -> list[str]:
        terms = parse_search(
            [("identifier", f"N{number}")],
            Context("R4", "SupplyRequest", UTC, Fingerprints(ring).term, ""),
            strict=True,
        ).find.terms
        return [one.key.id for one in store.find(Find("R4", "SupplyRequest", terms)).versions]

    store = open_store(url, OLD)
    store.write([supply(number, OLD.following(store.uses())) for number in range(90)])
    store.close()
    store = open_store(url, BOTH)
    before = BOTH.following(store.uses())
    assert found(7, before) == ["s7"]  # the new key first: nothing is lost
    store.begin_terms("new")
    during = BOTH.following(store.uses())
    store.write([supply(90, during)])
    assert found(7, during) == ["s7"]
    assert found(90, during) == ["s90"]
    assert rotate_terms(store, during, "new") == 91
    assert found(7, during) == ["s7"]  # a door that still runs
    after = BOTH.following(store.uses())
    assert [found(number, after) for number in (0, 7, 90)] == [["s0"], ["s7"], ["s90"]]
    assert found(7, before) == []
    assert asked(store, "SELECT count(*) FROM terms") == [(2 * 91,)]  # `N7` and `|N7`, of the new key only
    assert store.gaps() == []
    store.close()


def test_who_is_erased_while_keys_are_rotated_stays_erased(url: str, filled: dict[str, str]) -> None:
    store, persons = open_store(url, BOTH), [filled[str(number)].split("/")[0] for number in range(15)]
    left = list(persons)

    def told(_: int) -> None:
        person = left.pop()
        entry = Entry(at=9.0, who="me", role="operator", act=Act.ERASE, object=person)
        store.erase(Erasure(person, 9.0, "asked", "T-1", "me"), store.erasable(person), entry)

    done = turn(store, told=told)
    assert (left, done.closed) == ([], [])
    numbers = [str(number) for number in range(300)]
    visits = [filled[number].split("/")[1] for number in numbers[:15]]
    rows = store.token_rows([*persons, *visits])
    assert {(row.sealed, row.erased_at) for row in rows.values()} == {(None, 9.0)}
    erased = ", ".join(f"'{token}'" for token in rows)
    assert asked(store, f"SELECT count(*) FROM lookups WHERE token IN ({erased})") == [(0,)]
    assert asked(store, "SELECT count(*), min(key_id) FROM lookups") == [(570, "new")]
    now = dict(Router(store, BOTH).tokens(numbers))
    assert {number for number in numbers if now[number] != filled[number]} == set(numbers[:15])
    store.close()
