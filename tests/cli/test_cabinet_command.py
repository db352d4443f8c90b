"""`wardline cabinet`: what there is, and the way out when keys are lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from conformance.purge_contract import filtered, is_kept, on
from typer.testing import CliRunner

from engine.auditing import Act, AuditQuery
from engine.cli import app
from engine.errors import Misconfigured
from engine.model import MessageState
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/wardline.db"
    store = opened(url)
    store.accept([on(0, 1), on(1, 2)])
    filtered(store, 1)
    store.cabinet.make_subject_keys(["t1p_a", "t1p_b"])
    store.cabinet.destroy(["t1p_b"], "erasure", 5.0)
    store.close()
    return url


def opened(url: str) -> Store:
    return open_store(url, KeyRing.load({}, Path(url.removeprefix("sqlite:///")).with_suffix(".key")))


def run(url: str, *arguments: str, typed: str = "") -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["cabinet", *arguments, "--store", url], input=typed)


def test_status_tells_keys_and_counts(url: str) -> None:
    told = json.loads(run(url, "status", "--json").stdout)
    assert [one["id"] for one in told["days"]] == ["1970-01-01/charges", "1970-01-02/charges"]
    assert (told["persons"], told["erased"], told["shared"]) == (1, 1, False)
    assert "1970-01-02/charges" in run(url, "status").stdout


def test_a_lost_cabinet_is_given_up_and_messages_go_on(url: str) -> None:
    Path(url.removeprefix("sqlite:///") + ".cabinet").unlink()
    given = ("give-up", "--why", "the disk burnt")
    assert run(url, *given, typed="n\n").exit_code == 1
    with pytest.raises(Misconfigured, match="not here"):
        opened(url)
    result = run(url, *given, "--yes")
    assert result.exit_code == 0, result.output
    assert "2 keys" in result.stdout
    store = opened(url)
    assert not any(is_kept(store, number) for number in (1, 2))
    assert store.unrouted(["charges"], 0, 9) == []
    assert [one.id for one in store.messages(Query(state=MessageState.DEAD))] == [2]
    (number,) = (one.id for one in store.accept([on(1, 7)]))
    assert is_kept(store, number)
    (told,) = store.entries(AuditQuery(act=Act.CONFIGURE, object="key:cabinet"))
    assert told.entry.why == "the disk burnt"
    assert store.gaps() == []
    store.close()


def test_with_an_older_copy_only_what_it_lacks_is_given_up(url: str) -> None:
    file = Path(url.removeprefix("sqlite:///") + ".cabinet")
    copy = file.read_bytes()
    store = opened(url)
    store.accept([on(9, 9)])
    store.close()
    file.write_bytes(copy)
    assert run(url, "give-up", "--why", "no newer copy", "--yes").exit_code == 0
    store = opened(url)
    assert [is_kept(store, number) for number in (1, 2, 3)] == [True, True, False]
    store.close()


def test_where_nothing_is_lost_nothing_is_given_up(url: str) -> None:
    result = run(url, "give-up", "--why", "x", "--yes")
    assert isinstance(result.exception, Misconfigured)
    store = opened(url)
    assert is_kept(store, 1)
    store.close()
