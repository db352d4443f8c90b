"""The door without HTTP: passwords, links, sessions and tokens over a real store, on a clock of a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conformance.store_contract import RING
from msgspec.structs import replace

from engine.accounts import comparing
from engine.accounts.coming import Came, Entered, KeptOut, Terms
from engine.accounts.entrance import Entrance
from engine.accounts.guesses import FROM_ONE_ADDRESS
from engine.accounts.lockout import FREE, LONGEST
from engine.accounts.secrets import api_token, digest_of
from engine.accounts.words import Role
from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Misconfigured, Unavailable
from engine.slow_hashes import hash_of
from engine.store.base import Store
from engine.store.contracts.accounts import ApiToken, Changed, User
from engine.store.sql import open_store

PASSWORD = "violet tram depot 91"
HERE, THERE = Came("10.1.1.1"), Came("203.0.113.9")
HASHED = hash_of(PASSWORD)


class Time:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield made
    made.close()


@pytest.fixture
def door(store: Store, clock: Time) -> Entrance:
    user = User(
        name="ann", who="Ann Onym", roles=("operator", "viewer"), state="active", password=HASHED, made_at=1.0
    )
    store.add_user(user, Entry(at=1.0, who="t", role="operator", act=Act.ACCOUNT, object="user:ann"))
    return Entrance(store, Terms(), clock)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing costs nothing: what is under test here is counted, not compared."""
    monkeypatch.setattr(comparing, "holds", lambda secret, hashed: secret == PASSWORD and hashed == HASHED)


def wrong(door: Entrance, came: Came = THERE, name: str = "ann") -> KeptOut:
    with pytest.raises(KeptOut) as caught:
        door.log_in(name, "a guess of somebody", came)
    return caught.value


def test_who_knows_the_password_comes_in(door: Entrance, store: Store) -> None:
    entered = door.log_in("ann", PASSWORD, HERE)
    who = door.who(entered.session, "10.1.1.1")
    assert who is not None
    assert (who.caller.name, who.caller.roles) == ("ann", {Role.OPERATOR, Role.VIEWER})
    assert who.caller.via == "session"
    assert entered.session not in repr((entered, who)) + repr(store.sessions())
    assert PASSWORD not in repr(store.users())
    (told,) = [one.entry for one in store.entries(AuditQuery(act="login"))]
    assert (told.who, told.outcome, told.detail["address"]) == ("ann", "done", "10.1.1.1")


@pytest.mark.usefixtures("quick")
def test_a_name_that_nobody_has_is_treated_as_one_that_somebody_has(door: Entrance) -> None:
    for name in ("ann", "nobody-at-all"):
        said = [wrong(door, Came(f"198.51.100.{n}"), name) for n in range(FREE + 2)]
        assert [one.why for one in said] == ["wrong"] * FREE + ["wait"] * 2
        assert len({str(one) for one in said[:FREE]}) == 1
        assert said[-1].wait == 15.0
    assert wrong(door, name="NOBODY").why == "wrong"


@pytest.mark.usefixtures("quick")
def test_whoever_guesses_waits_ever_longer_and_never_for_good(
    door: Entrance, store: Store, clock: Time
) -> None:
    guesses = 0
    for _ in range(60):
        if wrong(door).why == "wrong":
            guesses += 1
        clock.now += 60.0
    assert guesses < 15
    assert len(store.entries(AuditQuery(act="login", limit=1000))) == guesses
    clock.now += LONGEST
    assert door.log_in("ann", PASSWORD, HERE).name == "ann"
    user = store.user("ann")
    assert user is not None
    assert (user.failures, user.locked_until) == (0, 0.0)


@pytest.mark.usefixtures("quick")
def test_the_right_password_waits_too_while_a_stranger_is_kept_out(door: Entrance) -> None:
    for _ in range(FREE):
        wrong(door)
    with pytest.raises(KeptOut) as caught:
        door.log_in("ann", PASSWORD, HERE)
    assert caught.value.why == "wait"


@pytest.mark.usefixtures("quick")
def test_guessing_from_outside_never_keeps_the_owner_out_of_the_own_browser(
    door: Entrance, clock: Time
) -> None:
    """The attack: lock everybody out for good by guessing wrong on purpose."""
    mark = door.log_in("ann", PASSWORD, HERE).mark
    for _ in range(40):
        wrong(door)
        clock.now += 20.0
        assert door.log_in("ann", PASSWORD, HERE._replace(mark=mark)).name == "ann"
    assert wrong(door, HERE).why in ("wrong", "wait")


@pytest.mark.usefixtures("quick")
def test_a_mark_is_good_for_its_account_and_password_only_and_guesses_are_counted_for_it(
    door: Entrance, store: Store
) -> None:
    mark = door.log_in("ann", PASSWORD, HERE).mark
    for forged in (mark[:-1] + ("A" if mark[-1] != "A" else "B"), "x." + mark, mark.split(".")[0], "."):
        assert wrong(door, THERE._replace(mark=forged)).why in ("wrong", "wait")
    assert store.user("ann").failures == 4  # type: ignore[union-attr]
    said = [wrong(door, THERE._replace(mark=mark)).why for _ in range(FREE + 1)]
    assert said == ["wrong"] * FREE + ["wait"]
    store.change_user("ann", lambda user, _: Changed(replace(user, password=hash_of("another one"))))
    wrong(door, HERE._replace(mark=mark))
    assert store.user("ann").failures == 5  # type: ignore[union-attr]


@pytest.mark.usefixtures("quick")
def test_many_guesses_at_once_are_no_more_guesses(door: Entrance, store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda _: wrong(door).why, range(40)))
    assert said.count("wrong") == FREE
    assert store.user("ann").failures == FREE  # type: ignore[union-attr]


@pytest.mark.usefixtures("quick")
def test_one_address_that_tries_many_names_waits_and_a_hospital_behind_one_does_not(
    door: Entrance, store: Store
) -> None:
    for _ in range(FROM_ONE_ADDRESS + 10):
        door.log_in("ann", PASSWORD, HERE)
    said = [wrong(door, HERE, f"name{number}").why for number in range(FROM_ONE_ADDRESS + 3)]
    assert said == ["wrong"] * FROM_ONE_ADDRESS + ["wait"] * 3
    told = [one.entry for one in store.entries(AuditQuery(act="login", limit=1000))]
    nobody = [one for one in told if one.outcome == "refused"]
    assert [one.who for one in nobody] == ["nobody", "nobody"]  # told, and no flood
    assert wrong(door, THERE, "name1").why == "wrong"


def test_nobody_comes_in_with_an_account_that_is_not_active(door: Entrance, store: Store) -> None:
    entered = door.log_in("ann", PASSWORD, HERE)
    for state in ("disabled", "invited"):
        store.change_user("ann", lambda user, _, state=state: Changed(replace(user, state=state)))
        assert door.who(entered.session, "") is None
        with pytest.raises(KeptOut, match="not right"):
            door.log_in("ann", PASSWORD, HERE)


def test_passwords_can_be_closed(store: Store, clock: Time, door: Entrance) -> None:
    closed = Entrance(store, Terms(local=False), clock)
    with pytest.raises(KeptOut, match="single sign-on"):
        closed.log_in("ann", PASSWORD, HERE)


@pytest.mark.usefixtures("quick")
def test_a_session_ends_when_it_rests_and_when_it_is_old(door: Entrance, clock: Time) -> None:
    session = door.log_in("ann", PASSWORD, HERE).session
    for _ in range(23):
        clock.now += 29 * 60
        assert door.who(session, "") is not None
    clock.now += 31 * 60
    assert door.who(session, "") is None
    session = door.log_in("ann", PASSWORD, HERE).session
    for _ in range(60):
        clock.now += 13 * 60
        door.who(session, "")
    assert door.who(session, "") is None


@pytest.mark.usefixtures("quick")
def test_a_page_that_asks_by_itself_does_not_keep_a_session(door: Entrance, clock: Time) -> None:
    session = door.log_in("ann", PASSWORD, HERE).session
    for _ in range(29):
        clock.now += 60
        assert door.who(session, "", awake=False) is not None
    clock.now += 61
    assert door.who(session, "", awake=False) is None


@pytest.mark.usefixtures("quick")
def test_whoever_comes_in_gets_a_new_session_in_place_of_the_old(door: Entrance, store: Store) -> None:
    """T: a session that was planted in a browser is worth nothing."""
    first = door.log_in("ann", PASSWORD, HERE).session
    second = door.log_in("ann", PASSWORD, HERE._replace(session=first)).session
    assert first != second
    assert door.who(first, "") is None
    assert len(store.sessions()) == 1


def test_an_invitation_works_once_and_within_its_time(door: Entrance, store: Store, clock: Time) -> None:
    def invite() -> str:
        key = "k" * 43
        until = clock.now + 100
        store.change_user(
            "ann",
            lambda user, _: Changed(
                replace(user, state="invited", password="", invitation=digest_of(key), invited_until=until)
            ),
        )
        return key

    key = invite()
    assert door.invited(key).name == "ann"
    with pytest.raises(Misconfigured, match="12 to 256"):
        door.accept(key, "short", HERE)
    entered = door.accept(key, "another tram depot 92", HERE)
    assert door.who(entered.session, "") is not None
    with pytest.raises(KeptOut):
        door.accept(key, "yet another tram depot", HERE)
    key = invite()
    clock.now += 101
    with pytest.raises(KeptOut):
        door.invited(key)
    with pytest.raises(KeptOut):
        door.invited("guess")


def test_another_password_ends_all_other_sessions_and_renews_this_one(
    door: Entrance, store: Store, clock: Time
) -> None:
    other = door.log_in("ann", PASSWORD, THERE)
    mine = door.log_in("ann", PASSWORD, HERE)
    who = door.who(mine.session, "")
    assert who is not None
    came = HERE._replace(session=mine.session)
    with pytest.raises(KeptOut, match="old password"):
        door.change_password(who, "wrong one", "another tram depot 92", came)
    with pytest.raises(Misconfigured):
        door.change_password(who, PASSWORD, "short", came)
    renewed = door.change_password(who, PASSWORD, "another tram depot 92", came)
    assert [door.who(one.session, "") is not None for one in (other, mine, renewed)] == [False, False, True]
    assert isinstance(door.log_in("ann", "another tram depot 92", HERE), Entered)
    who = door.who(renewed.session, "")
    assert who is not None
    for _ in range(FREE):
        with pytest.raises(KeptOut, match="old password"):
            door.change_password(who, "wrong one", "x", came)
    with pytest.raises(KeptOut, match="Wait"):
        door.change_password(who, "another tram depot 92", "a third tram depot 93", came)


def test_a_token_of_the_api_is_good_while_its_owner_is(door: Entrance, store: Store, clock: Time) -> None:
    text = api_token(b"\x05" * 32)
    token = ApiToken(
        id="t1", digest=digest_of(text), user="ann", name="n", roles=("operator", "viewer"), made_at=1.0,
        until=clock.now + 1000,
    )  # fmt: skip
    told = Entry(at=1.0, who="ann", role="user", act=Act.ACCOUNT, object="user:ann")
    store.add_api_token(token, told)
    who = door.by_token(text, "10.0.0.1")
    assert who is not None
    assert (who.caller.via, who.caller.key, who.form) == ("token", "t1", "")
    assert who.caller.roles == {Role.OPERATOR, Role.VIEWER}
    assert store.api_tokens()[0].used_at == clock.now
    for bad in ("", "wrt1_", text[:-1], text + "x", text.removeprefix("wrt1_")):
        assert door.by_token(bad, "") is None
    store.change_user("ann", lambda user, _: Changed(replace(user, roles=("viewer",))))
    narrowed = door.by_token(text, "")
    assert narrowed is not None
    assert narrowed.caller.roles == {Role.VIEWER}
    store.change_user("ann", lambda user, _: Changed(replace(user, state="disabled")))
    assert door.by_token(text, "") is None
    store.change_user("ann", lambda user, _: Changed(replace(user, state="active")))
    clock.now += 1001
    assert door.by_token(text, "") is None
    clock.now -= 500
    assert door.by_token(text, "") is not None
    store.revoke_api_token("t1", clock.now, told)
    assert door.by_token(text, "") is None


def test_logging_out_ends_the_session(door: Entrance, store: Store) -> None:
    entered = door.log_in("ann", PASSWORD, HERE)
    who = door.who(entered.session, "")
    assert who is not None
    door.log_out(who, HERE._replace(session=entered.session))
    assert door.who(entered.session, "") is None
    assert store.entries(AuditQuery(act="login"))[-1].entry.detail["ended"] == "by its owner"


def test_whoever_sends_many_holds_neither_memory_nor_threads_of_those_who_are_known(
    door: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = door.log_in("ann", PASSWORD, HERE).mark
    go, began = threading.Event(), threading.Semaphore(0)

    def slow(secret: str, hashed: str) -> bool:
        if secret != PASSWORD:
            began.release()
            go.wait(30)
        return secret == PASSWORD and hashed == HASHED

    monkeypatch.setattr(comparing, "holds", slow)

    def guess(number: int) -> str:
        try:
            door.log_in(f"name{number}", "a guess", Came(f"198.51.100.{number}"))
        except KeptOut as error:
            return error.why
        except Unavailable:
            return "busy"
        return "in"

    with ThreadPoolExecutor(30) as threads:
        said = [threads.submit(guess, number) for number in range(30)]
        for _ in range(comparing.AT_ONCE):
            assert began.acquire(timeout=10)
        assert door.log_in("ann", PASSWORD, HERE._replace(mark=mark)).name == "ann"
        while sum(one.done() for one in said) < 30 - comparing.AT_ONCE - comparing.WAITING:
            time.sleep(0.01)
        go.set()
    why = [one.result() for one in said]
    assert why.count("busy") == 30 - comparing.AT_ONCE - comparing.WAITING
    assert why.count("wrong") == comparing.AT_ONCE + comparing.WAITING


@pytest.mark.usefixtures("quick")
def test_a_clock_that_was_set_back_keeps_nobody_out(door: Entrance, clock: Time) -> None:
    for _ in range(FREE):
        wrong(door)
    clock.now -= 86400.0
    assert door.log_in("ann", PASSWORD, HERE).name == "ann"
