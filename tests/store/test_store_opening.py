"""Opening a store: addresses, keys, migrations, damage."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from conformance.store_contract import RING, accept, arrival, route, token
from sqlalchemy import create_engine, inspect, text

from engine.errors import Misconfigured, Unavailable
from engine.model import Filtered, Routing
from engine.store import migrations
from engine.store.delivery import RECLAIM
from engine.store.keys import KeyRing
from engine.store.migrations import HEAD, VERSION_TABLE
from engine.store.sql import open_store
from engine.store.tables import metadata
from engine.tokens import TokenRow, Use


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/wardline.db"
    return str(request.getfixturevalue("postgres_url"))


def test_the_migrations_make_what_the_tables_say(url: str) -> None:
    open_store(url, RING).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        for table in metadata.sorted_tables:  # Alembic does not compare the conditions of partial indexes
            made = {one["name"]: one for one in inspect(connection).get_indexes(table.name)}
            for index in table.indexes:
                where = f"{connection.dialect.name}_where"
                options = made[index.name].get("dialect_options", {})
                assert (len(str(options.get(where, ""))) > 5) == (index.dialect_kwargs.get(where) is not None)
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [HEAD]


def test_many_who_open_at_once_make_one_store(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_store(url, RING), range(6)))
    for number, store in enumerate(stores):
        accept(store, number)
    assert stores[0].gaps() == []
    for store in stores:
        store.close()


def test_a_store_of_a_newer_version_is_left_alone(url: str) -> None:
    open_store(url, RING).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(Misconfigured, match="newer version"):
        open_store(url, RING)


@pytest.mark.parametrize("address", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_will_not_do(address: str) -> None:
    with pytest.raises(Misconfigured):
        open_store(address, RING)


def test_a_server_that_does_not_answer_is_unavailable_and_its_password_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as raised:
        open_store(f"postgresql://me:canary-password@/none?host={tmp_path}", RING)
    assert "canary" not in str(raised.value)


def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    accept(store, 1)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    assert modes.keys() >= {"wardline.db", "wardline.db-wal", "wardline.db-shm"}
    assert set(modes.values()) == {0o600}
    store.close()


def test_another_key_under_the_same_name_is_found_at_the_door(url: str) -> None:
    open_store(url, RING).close()
    with pytest.raises(Misconfigured, match="not the key"):
        open_store(url, KeyRing({"first": b"x" * 32}))


def test_a_key_that_is_still_needed_may_not_go(url: str) -> None:
    store = open_store(url, RING)
    accept(store, 1)
    store.route([Routing(1, Filtered("x"))], [token(1)], 1.0)
    store.close()
    with pytest.raises(Misconfigured, match="'first'"):
        open_store(url, KeyRing({"second": b"x" * 32}))


def test_after_a_rotation_old_content_reads_and_resends_are_known(url: str) -> None:
    store = open_store(url, RING)
    accept(store, 1)
    store.close()
    store = open_store(url, KeyRing({"second": b"x" * 32, "first": b"\x07" * 32}))
    receipts = store.accept([arrival(1), arrival(2)])
    assert [one.original for one in receipts] == [1, 0]
    assert [store.content(1), store.content(3)] == [arrival(1).raw, arrival(2).raw]
    store.close()


def test_a_closed_store_says_so(url: str) -> None:
    store = open_store(url, RING)
    store.close()
    with pytest.raises(Unavailable):
        accept(store, 1)
    with pytest.raises(Unavailable):
        store.check()


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def _broken_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def _index_lost_an_entry(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'received', 'nowhere') WHERE name = 'messages_received'"
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("spoil", [_garbage, _broken_page, _truncated, _index_lost_an_entry])
def test_t18_a_damaged_file_is_refused_with_a_way_out(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "wardline.db"
    store = open_store(f"sqlite:///{path}", RING)
    accept(store, *range(50))
    route(store, 1)
    store.close()
    spoil(path)
    with pytest.raises(Misconfigured, match=r"\.recover"):
        open_store(f"sqlite:///{path}", RING)


def test_t18_a_large_file_is_looked_through_for_as_long_as_a_start_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wardline.db"
    store = open_store(f"sqlite:///{path}", RING)
    store.accept([arrival(number, "x" * 3000) for number in range(300)])
    store.close()
    whole = path.read_bytes()
    monkeypatch.setattr("engine.store.sqlite.EXAMINED_BYTES", 0)
    at = len(whole) // 4096 // 2 * 4096  # a page of content: nobody reads it when the store is opened
    path.write_bytes(whole[:at] + b"\xff" * 64 + whole[at + 64 :])
    store = open_store(f"sqlite:///{path}", RING)
    with pytest.raises(Misconfigured, match="damaged"):
        store.examine(60.0)
    store.close()
    path.write_bytes(whole[:-4096])
    with pytest.raises(Misconfigured, match="restore a backup"):
        open_store(f"sqlite:///{path}", RING)


def test_t18_what_is_not_seen_in_time_is_taken_to_be_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.sqlite.EXAMINED_BYTES", 0)
    monkeypatch.setattr("engine.store.sqlite._OPCODES", 1)
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    accept(store, *range(50))
    store.examine(0.0)
    store.examine(60.0)
    accept(store, 51)
    store.close()


def test_t18_an_index_that_is_not_valid_is_refused(postgres_url: str) -> None:
    open_store(postgres_url, RING).close()
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'messages_original'::regclass"
        )
    with pytest.raises(Misconfigured, match="messages_original") as raised:
        open_store(postgres_url, RING)
    assert "REINDEX" in str(raised.value)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("REINDEX INDEX CONCURRENTLY messages_original")
    engine.dispose()
    open_store(postgres_url, RING).close()


def test_t18_a_server_that_reads_over_damage_is_refused(postgres_url: str) -> None:
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET zero_damaged_pages = on")
        with pytest.raises(Misconfigured, match="zero_damaged_pages on"):
            open_store(postgres_url, RING)
        connection.exec_driver_sql(f"ALTER DATABASE {name} RESET zero_damaged_pages")
    engine.dispose()
    open_store(postgres_url, RING).close()


def test_looking_for_ended_leases_does_not_walk_all_that_was_ever_delivered(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/wardline.db", RING).close()
    with sqlite3.connect(tmp_path / "wardline.db") as connection:
        plan = connection.execute("EXPLAIN QUERY PLAN " + RECLAIM.format(skip_locked=""), (0, 0, "me"))
        steps = [row[3] for row in plan]
    connection.close()
    assert [step for step in steps if step.startswith("SCAN")] == [
        "SCAN deliveries USING INDEX deliveries_claimed"
    ]


def test_the_vault_of_an_older_store_is_carried_over(url: str) -> None:
    """Revision 0007 found a token by a column of its row, with the ring's oldest key."""
    path = url.removeprefix("sqlite:///")
    if path != url:
        Path(path).parent.mkdir()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        migrations._upgrade(connection, "0007")
        insert = text(
            "INSERT INTO tokens (lookup, token, domain, key_id, sealed, created_at, merged_into)"
            " VALUES (:lookup, :token, 'p', 'first', :sealed, :at, :into)"
        )
        for number in range(600):
            given = {"lookup": _sixteen(number), "token": f"t1p_{number}", "sealed": b"sealed %d" % number}
            connection.execute(
                insert, {**given, "at": float(number), "into": "t1p_1" if number == 3 else None}
            )
    engine.dispose()
    store = open_store(url, KeyRing({"second": b"x" * 32, "first": b"\x07" * 32}))
    known = store.tokens([_sixteen(number) for number in range(601)])
    assert known == {_sixteen(n): "t1p_1" if n == 3 else f"t1p_{n}" for n in range(600)}
    assert store.token_rows(["t1p_3"])["t1p_3"] == TokenRow(
        token="t1p_3",
        domain="p",
        tenant="",
        key_id="first",
        sealed=b"sealed 3",
        subject="",
        created_at=3.0,
        merged_into="t1p_1",
    )
    assert store.uses()["vault-index"] == Use(("first",), 0)
    with store._database.read() as work:  # type: ignore[attr-defined]
        assert work.rows("SELECT DISTINCT key_id FROM lookups") == [("first",)]
    store.close()
    with pytest.raises(Misconfigured, match="'first'"):
        open_store(url, KeyRing({"second": b"x" * 32}))


def test_resources_of_an_older_store_are_found_by_its_key_when_a_new_one_comes_with_the_upgrade(
    url: str,
) -> None:
    store = open_store(url, RING)
    accept(store, 1)
    with store._database.write() as work:  # type: ignore[attr-defined]
        work.run("DELETE FROM uses")  # as a store of before is
    store.close()
    store = open_store(url, KeyRing({"second": b"x" * 32, **{key: b"\x07" * 32 for key in RING.ids}}))
    assert store.uses()["term"].keys == RING.ids
    store.close()


def _sixteen(number: int) -> bytes:
    return number.to_bytes(16, "big")
