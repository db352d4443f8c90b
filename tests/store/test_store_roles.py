"""Who may read what in a store on PostgreSQL (P10): the users of `deploy/postgres-roles.sql`."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from conformance.resource_contract import unit, write
from conformance.store_contract import RING, accept, charge, claim, settle, state
from resending import resent
from sqlalchemy import make_url
from vaults import PRIVATE, minted, sealer, vault

from engine.auditing import Act, AuditQuery, Entry
from engine.cli.node_checks import node_checks
from engine.errors import Unacceptable
from engine.model import MessageState, Retention, Routed, Routing
from engine.privacy.unsealing import Unsealer, keys_of_ring
from engine.retention import DAY, LOOK, RetentionLoop
from engine.settings import SIX_YEARS, Settings
from engine.store.base import Store
from engine.store.contracts.accounts import Session, User
from engine.store.contracts.editions import Running
from engine.store.sql import open_store
from engine.tokens import Erasure, TokenMerge

ROLES = Path(__file__).parents[2] / "deploy" / "postgres-roles.sql"
DENIED = psycopg.errors.InsufficientPrivilege
IDENTIFIER = "p\x1fHOSP\x1fMR\x1f007"


class Site:
    """A store of its owner, and a database user in each role."""

    def __init__(self, url: str) -> None:
        self.owner = url
        store = open_store(url, RING)
        assert store.cabinet.id
        store.close()
        self._names = {
            role: f"u{uuid.uuid4().hex[:12]}" for role in ("engine", "console", "reidentify", "readonly")
        }
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(2):  # again after an upgrade
                connection.execute(ROLES.read_text())
            for role, name in self._names.items():
                connection.execute(f"CREATE USER {name} PASSWORD 'wardline' IN ROLE wardline_{role}")

    def forget(self) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(f"DROP USER {', '.join(self._names.values())}")

    def url(self, role: str) -> str:
        if role == "owner":
            return self.owner
        named = make_url(self.owner).set(username=self._names[role], password="wardline")
        return named.render_as_string(hide_password=False)

    def ask(self, role: str, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(role)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def site(new_postgres: Callable[[], str]) -> Iterator[Site]:
    made = Site(new_postgres())
    yield made
    made.forget()


@pytest.fixture
def engine(site: Site) -> Iterator[Store]:
    store = open_store(site.url("engine"), RING)
    yield store
    store.close()


def routed(store: Store, number: int) -> int:
    """A message that names a person and merges another into it."""
    (message_id,) = accept(store, number)
    names = [f"t1p_{number}{n}" for n in "ab"]
    some = [minted(IDENTIFIER + name[4:], name, name) for name in names]
    merges = (TokenMerge(f"t1p_{number}a", f"t1p_{number}b"),)
    result = Routed((charge(number),), merges=merges)
    routing = Routing(message_id, result, destinations=("odoo",))
    store.route(
        [routing],
        sealer(store.keep_seal_key, store.cabinet).seal(some),
        5.0,
        turn=store.uses()["vault-index"].turn,
    )
    return message_id


def test_P10_the_engines_user_does_all_of_its_work(site: Site, engine: Store) -> None:
    message_id = routed(engine, 1)
    index = vault().index(f"{IDENTIFIER}1a")
    assert engine.tokens([index]) == {index: "t1p_1b"}
    settle(engine, claim(engine))
    assert state(engine, message_id) is MessageState.DELIVERED
    assert [type(one).__name__ for one in engine.write([unit(write("p1"))])] == ["Written"]
    assert engine.gaps() == []
    assert engine.verify_versions() == []
    engine.reclaim(9.0)
    resent(engine, now=9.0)
    entry = Entry(at=9.0, who="me", role="operator", act=Act.ERASE, object="t1p_1b")
    assert engine.record([entry])
    assert engine.erase(
        Erasure("t1p_1b", 9.0, "asked", "T-1", "me"), engine.erasable("t1p_1b"), entry
    ).persons
    assert engine.tokens([index]) == {}
    engine.settle_erasures((), 10.0)
    assert (engine.to_rotate(), list(engine.readers())) == (0, [PRIVATE.reader.id])  # wardline vault status
    assert engine.propose(b"d" * 32, b"files", [], at=9.0, why="", told=entry).number == 1
    engine.decide(1, "approved", at=9.0, told=entry)
    assert engine.activate(1, at=9.0, why="", told=entry).id == 1
    engine.say_running(Running("n1/0", 1, 1, 9.0))
    assert engine.purge_audit(5.0, entry) == 0
    before = site.ask("owner", "SELECT pg_relation_filenode('wardline_cabinet.keys')")
    assert engine.purge(Retention(content=1), {}, 1e9).keys  # the keys of days that are over
    assert site.ask("owner", "SELECT pg_relation_filenode('wardline_cabinet.keys')") != before
    engine.check()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sealed FROM tokens",
        "SELECT * FROM tokens",
        "SELECT wrapped FROM seal_keys",
        "SELECT * FROM seal_keys",
        "UPDATE tokens SET subject = 'x' RETURNING sealed",
        "DELETE FROM tokens RETURNING token",
        "UPDATE seal_keys SET reader = 'x' RETURNING id",
        "UPDATE audit SET who = 'x' RETURNING id",
        "DELETE FROM audit RETURNING id",
        "UPDATE activations SET edition = 1 RETURNING id",
        "DELETE FROM activations RETURNING id",
        "DELETE FROM editions RETURNING number",
        "CREATE TABLE mine (x int)",
        "COPY tokens TO STDOUT",
    ],
)
def test_P10_the_engines_user_reads_no_sealed_identifier_and_no_seal_key(site: Site, query: str) -> None:
    with pytest.raises(DENIED):
        site.ask("engine", query)


def test_P10_nor_would_they_open_for_it(site: Site, engine: Store) -> None:
    """Were the database's users not kept apart: the ring alone opens nothing."""
    routed(engine, 2)
    owner = open_store(site.owner, RING)
    rows = list(owner.token_rows(["t1p_2a", "t1p_2b"]).values())
    opened = Unsealer([PRIVATE], owner.seal_keys, owner.cabinet).identifiers(rows)
    with pytest.raises(Unacceptable):
        Unsealer(keys_of_ring(RING), owner.seal_keys, owner.cabinet, RING).identifier(rows[0])
    owner.close()
    assert sorted(opened) == [f"{IDENTIFIER}2a", f"{IDENTIFIER}2b"]


def test_the_reidentification_user_opens_rows_and_reads_no_message(site: Site, engine: Store) -> None:
    routed(engine, 3)
    store = open_store(site.url("reidentify"), RING)
    rows = list(store.token_rows(["t1p_3a"]).values())
    assert Unsealer([PRIVATE], store.seal_keys, store.cabinet).identifiers(rows) == [f"{IDENTIFIER}3a"]
    store.close()
    for query in (
        "SELECT sealed FROM contents",
        "SELECT effect FROM deliveries",
        "SELECT term FROM mentions",
        "SELECT packed FROM editions",
        "SELECT code FROM unmapped",
        "UPDATE tokens SET sealed = NULL RETURNING token",
        "UPDATE audit SET who = 'x' RETURNING id",
    ):
        with pytest.raises(DENIED):
            site.ask("reidentify", query)


def test_who_looks_on_reads_counts_and_the_audit_only(site: Site) -> None:
    assert site.ask("readonly", "SELECT count(id) FROM messages")
    assert site.ask("readonly", "SELECT count(token) FROM tokens")
    for name in ("editions", "activations", "running"):
        assert site.ask("readonly", f"SELECT count(*) FROM {name}")
    for query in (
        "number, gaps FROM checks",
        "number, decided_by FROM repairs",
        "* FROM alerts, notices, latest",
    ):
        assert site.ask("readonly", f"SELECT {query}") == []
    for query in (
        "SELECT report FROM checks",
        "SELECT plan FROM repairs",
        "SELECT sealed FROM revisions",
        "DELETE FROM alerts RETURNING id",
        "SELECT packed FROM editions",
        "SELECT sealed FROM contents",
        "SELECT effect FROM deliveries",
        "SELECT sealed FROM tokens",
        "SELECT wrapped FROM seal_keys",
        "SELECT term FROM mentions",
        "SELECT lookup FROM lookups",
        "UPDATE audit SET who = 'x' RETURNING id",
    ):
        with pytest.raises(DENIED):
            site.ask("readonly", query)


def test_the_console_has_the_accounts_and_nobody_else(site: Site, engine: Store) -> None:
    """Who takes over the engine's user of the database makes no account, and reads no hash."""
    console = open_store(site.url("console"), RING)
    console.add_user(
        User(name="ann", who="Ann Onym", roles=("administrator",), state="active"),
        Entry(at=1.0, who="ann", role="user", act=Act.ACCOUNT, object="user:ann"),
    )
    console.open_session(
        Session(
            digest=b"d" * 32, user="ann", since=1.0, seen_at=1.0, until=9.0, address="::1", how="password"
        ),
        [],
    )
    assert console.end_session(b"d" * 32, [])
    assert console.verify_audit() == []
    console.close()
    for role in ("engine", "reidentify", "readonly"):
        for table in ("users", "sessions", "api_tokens"):
            with pytest.raises(DENIED):
                site.ask(role, f"SELECT count(*) FROM {table}")
    with pytest.raises(DENIED):
        site.ask("console", "DELETE FROM users")


def test_entries_past_their_years_are_told_by_the_engine_and_removed_by_the_owner(
    site: Site, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.record([Entry(at=1.0, who="me", role="operator", act=Act.SEARCH, object="past")])
    engine.checkpoint(2.0)
    accept(engine, 77)
    now = [(SIX_YEARS + 2) * DAY]

    def loop(store: Store) -> RetentionLoop:
        made = RetentionLoop(
            store, Retention(), {}, audit_days=SIX_YEARS, holder="node/0",
            clock=lambda: now[0], steady=lambda: now[0],
        )  # fmt: skip
        assert made.turn() == LOOK  # it does not believe the clock yet
        return made

    def past(store: Store) -> int:
        return len(store.entries(AuditQuery(object="past")))

    running = loop(engine)
    with structlog.testing.capture_logs() as logs:
        assert (running.turn(), running.overdue, past(engine)) == (LOOK, True, 1)
        assert running.turn() == LOOK  # told once a day, not in a loop
        now[0] += DAY
        running.turn()
    told = [log["why"] for log in logs if log["event"].startswith("audit not purged")]
    assert len(told) == 2
    assert "may not remove them" in told[0]
    monkeypatch.setenv("WARDLINE_KEY", "first:" + base64.b64encode(b"\x07" * 32).decode())
    doctor = [one for one in node_checks(Settings(store=site.url("engine"))) if one.about == "audit purge"]
    assert [(one.level, "wardline purge" in one.remedy) for one in doctor] == [("warn", True)]
    owner = open_store(site.owner, RING)
    owners = loop(owner)
    assert (owners.turn(), owners.overdue, past(owner)) == (LOOK, False, 0)
    owner.close()
    now[0] += DAY
    assert (running.turn(), running.overdue) == (LOOK, False)
