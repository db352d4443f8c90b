"""Who may make which edition run, in production and in development; going back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from editions.edition_kit import charges_in, told

from engine.auditing import AuditQuery
from engine.editions.deploying import (
    activate,
    approve,
    approved_by_another,
    before,
    propose,
    put_in_force,
    take_folder,
    withdraw,
)
from engine.editions.loading import Shelf
from engine.editions.opening import channels_of, packed_of
from engine.editions.packing import Packed, pack
from engine.errors import Misconfigured
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", KeyRing({"first": b"\x07" * 32}))
    yield store
    store.close()


def packed(number: int) -> Packed:
    return Packed({"charges.yaml": b"# %d" % number})


def in_force(store: Store, *numbers: int) -> None:
    for number in numbers:
        put_in_force(store, packed(number), told())


def steps(store: Store) -> list[tuple[str, str]]:
    return [(one.entry.who, one.entry.detail["step"]) for one in store.entries(AuditQuery(act="deploy"))]


def test_another_person_approves_and_it_is_active(store: Store) -> None:
    edition = propose(store, packed(1), told("ann"))
    assert (edition.state, store.active()) == ("proposed", None)
    assert approve(store, 1, told("bob", role="reviewer")).edition == 1
    assert store.active() is not None
    assert steps(store) == [("ann", "proposed"), ("bob", "approved"), ("bob", "activated")]
    assert store.entries(AuditQuery(act="deploy"))[0].entry.detail["digest"] == packed(1).digest.hex()


def test_nobody_approves_what_is_their_own(store: Store) -> None:
    propose(store, packed(1), told("ann"))
    with pytest.raises(Misconfigured, match="never one's own"):
        approve(store, 1, told("ann", role="reviewer"))
    assert store.active() is None


def test_only_a_reviewer_approves_whatever_name_somebody_has(store: Store) -> None:
    propose(store, packed(1), told("ann", role="author"))
    for role in ("operator", "author"):
        with pytest.raises(Misconfigured, match="a reviewer approves it"):
            approve(store, 1, told("ann@desk", role=role))  # type: ignore[arg-type]
    assert store.active() is None


def test_what_an_author_put_forward_is_not_approved_by_deploying_it_in_development(store: Store) -> None:
    propose(store, packed(1), told("ann", role="author"))
    put_in_force(store, packed(1), told("ann@desk"))
    edition = store.edition(1)
    assert edition is not None
    assert (edition.who, edition.decided_by) == ("ann@desk", "ann@desk")
    assert not approved_by_another(edition)
    assert [step for _, step in steps(store)] == [
        "proposed", "withdrawn", "proposed", "approved", "activated",
    ]  # fmt: skip


def test_what_was_put_forward_without_a_key_is_nobodys_to_approve(store: Store) -> None:
    """Killed while it deployed in development: `bob` could be the second person to himself."""
    propose(store, packed(1), told("bob@desk", role="operator"))
    with pytest.raises(Misconfigured, match="without a key"):
        approve(store, 1, told("bob", role="reviewer"))
    assert propose(store, packed(1), told("ann", role="author")).who == "ann"
    assert approve(store, 1, told("bob", role="reviewer")).edition == 1


def test_what_was_compared_with_another_edition_is_not_approved(store: Store) -> None:
    for number in (1, 2):
        propose(store, packed(number), told("ann", role="author"))
    approve(store, 1, told("bob", role="reviewer"), 0)
    with pytest.raises(Misconfigured, match="another edition became active meanwhile"):
        approve(store, 2, told("bob", role="reviewer"), 0)
    waits = store.edition(2)
    assert waits is not None
    assert waits.state == "proposed"
    assert approve(store, 2, told("bob", role="reviewer"), 1).id == 2


def test_what_was_withdrawn_is_not_approved_any_more(store: Store) -> None:
    propose(store, packed(1), told("ann"))
    assert withdraw(store, 1, told("bob")).state == "withdrawn"
    with pytest.raises(Misconfigured, match="not proposed"):
        approve(store, 1, told("bob", role="reviewer"))


def test_an_approval_that_did_not_come_to_its_end_is_taken_up_again(store: Store) -> None:
    propose(store, packed(1), told("ann"))
    store.decide(1, "approved", at=6.0, told=told("bob"))
    assert approve(store, 1, told("bob", role="reviewer")).edition == 1
    with pytest.raises(Misconfigured, match="not proposed"):
        approve(store, 1, told("carl", role="reviewer"))


def test_what_is_active_is_not_made_so_twice(store: Store) -> None:
    in_force(store, 1)
    with pytest.raises(Misconfigured, match="active one already"):
        activate(store, 1, told())
    assert put_in_force(store, packed(1), told()).id == 1


@pytest.mark.parametrize(
    ("history", "back"),
    [([1, 2], 1), ([1, 2, 3], 2), ([1, 2, 3, 2], 1), ([1, 2, 3, 2, 3], 2), ([1, 2, 3, 1, 4], 1)],
)
def test_going_back_twice_goes_back_further(store: Store, history: list[int], back: int) -> None:
    in_force(store, *history)
    assert before(store) == back


def test_there_is_nothing_before_the_first(store: Store) -> None:
    with pytest.raises(Misconfigured, match="no edition to go back to"):
        before(store)
    in_force(store, 1)
    with pytest.raises(Misconfigured, match="no edition to go back to"):
        before(store)


def test_a_folder_becomes_the_active_edition_once(store: Store, tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    first = take_folder(store, folder, (), told())
    assert take_folder(store, folder, (), told(at=9.0)) == first
    items = folder / "tables/items.csv"
    before_it = items.read_text()
    items.write_text(before_it + "# more\n")
    assert take_folder(store, folder, (), told()).edition == 2
    items.write_text(before_it)
    assert take_folder(store, folder, (), told()).edition == 1  # known already, and active again
    assert [one.edition for one in store.activations()] == [1, 2, 1]


def test_a_folder_that_cannot_run_becomes_no_edition(store: Store, tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    file = folder / "dft-charges.yaml"
    file.write_text(file.read_text().replace("sequence_by:", "sequenced_by:"))
    with pytest.raises(Misconfigured, match=r"dft-charges\.yaml:\d+:\d+: "):
        take_folder(store, folder, (), told())
    assert store.editions() == []


def test_an_edition_is_loaded_from_the_store_alone(store: Store, tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    number = take_folder(store, folder, (), told()).edition
    expected = pack(folder)
    for file in folder.rglob("*.*"):
        file.unlink()
    assert packed_of(store, number) == expected
    for _ in range(2):
        assert [one.spec.channel for one in channels_of(store, number, tmp_path / "var")] == ["dft-charges"]
        for file in (tmp_path / "var").rglob("*.csv"):  # as a system tidies up where temporary files are
            file.unlink()
    with pytest.raises(Misconfigured, match="no such edition"):
        channels_of(store, 7, tmp_path / "var")


def test_other_files_under_their_own_digest_are_not_taken_for_what_was_deployed(
    store: Store, tmp_path: Path
) -> None:
    """Whoever may write to the database, and not to the audit, would have code of their own run otherwise."""
    number = take_folder(store, charges_in(tmp_path / "channels"), (), told()).edition
    other = Packed({**packed_of(store, number).files, "functions/mine.py": b"import os"})
    with closing(sqlite3.connect(tmp_path / "wardline.db")) as database, database:
        database.execute("UPDATE editions SET packed = ?, digest = ?", (other.encoded(), other.digest))
    with pytest.raises(Misconfigured, match="audit knows of no such files"):
        channels_of(store, number, tmp_path / "var")


def test_where_it_takes_two_persons_nothing_else_is_to_run(store: Store, tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    alone = take_folder(store, folder, (), told()).edition
    shelf = Shelf(store, tmp_path / "var", two_persons=True)
    with pytest.raises(Misconfigured, match="edition 1: no second person approved it"):
        shelf.to_run(alone)
    assert shelf.load(alone).number == alone  # what it has in work goes on
    assert Shelf(store, tmp_path / "var").to_run(alone).number == alone
    propose(store, pack(folder), told("ann", role="author"))
    approve(store, alone, told("bob", role="reviewer"))
    assert shelf.to_run(alone).number == alone
