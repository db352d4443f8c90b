"""What every store promises of accounts, their sessions and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from conformance.audit_contract import entry
from msgspec.structs import replace

from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Misconfigured
from engine.store.base import Store
from engine.store.contracts.accounts import ApiToken, Change, Changed, Session, User

HASH = "$argon2id$v=19$m=65536,t=3,p=1$" + "c" * 22 + "$" + "d" * 43


def told(object_: str = "user:ann", **given: object) -> Entry:
    return entry(1, act=Act.ACCOUNT, object=object_, **given)


def user(name: str = "ann", **given: object) -> User:
    plain = User(name=name, who="Ann Onym, ward 3", roles=("operator", "viewer"), state="active", made_at=5.0)
    return replace(plain, **given)


def session(number: int = 1, name: str = "ann", **given: object) -> Session:
    plain = Session(
        digest=bytes([number]) * 32, user=name, since=10.0 + number, seen_at=10.0 + number, until=1000.0,
        address="127.0.0.1", how="password",
    )  # fmt: skip
    return replace(plain, **given)


def token(number: int = 1, name: str = "ann", **given: object) -> ApiToken:
    plain = ApiToken(
        id=f"tok{number}", digest=bytes([number]) * 32, user=name, name="nightly", roles=("viewer",),
        made_at=20.0 + number, until=900.0,
    )  # fmt: skip
    return replace(plain, **given)


def renamed(who: str) -> Change:
    return lambda one, _: Changed(replace(one, who=who), [told(why=who)])


class AccountsContract:
    def test_an_account_is_kept_as_it_was_given_and_told(self, store: Store) -> None:
        full = user(
            password=HASH, issuer="https://idp", subject="s-1", invitation=b"\x01" * 32, invited_until=7.0,
            failures=2, locked_until=8.0, changed_at=9.0, seen_at=10.0,
        )  # fmt: skip
        store.add_user(full, told())
        store.add_user(user("bob", state="invited"), told("user:bob"))
        assert store.user("ann") == full
        assert store.user("nobody") is None
        assert store.user_of("https://idp", "s-1") == full
        assert store.user_of("", "") is None
        assert store.user_invited(b"\x01" * 32) == full
        assert store.user_invited(b"\x02" * 32) is None
        assert [one.name for one in store.users()] == ["ann", "bob"]
        acts = [one.entry.object for one in store.entries(AuditQuery(act="account"))]
        assert acts == ["user:ann", "user:bob"]
        assert store.verify_audit() == []

    def test_names_and_subjects_are_taken_once_and_nothing_is_told_of_it(self, store: Store) -> None:
        store.add_user(user(issuer="https://idp", subject="s-1"), told())
        for other in (user(), user("bob", issuer="https://idp", subject="s-1")):
            with pytest.raises(Misconfigured):
                store.add_user(other, told())
        store.add_user(user("eve", issuer="https://other", subject="s-1"), told())
        assert [one.name for one in store.users()] == ["ann", "eve"]
        assert len(store.entries(AuditQuery(act="account"))) == 2

    def test_one_account_is_the_first_however_many_try(self, store: Store) -> None:
        def attempt(number: int) -> bool:
            try:
                store.add_user(user(f"u{number}"), told(), first=True)
            except Misconfigured:
                return False
            return True

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(attempt, range(8))) == 1
        assert len(store.users()) == 1

    def test_a_change_is_one_step_with_what_it_tells(self, store: Store) -> None:
        store.add_user(user(), told())
        assert store.change_user("ann", renamed("Ann Other, ward 4")).who == "Ann Other, ward 4"
        assert store.user("ann") == user(who="Ann Other, ward 4")
        assert [one.entry.why for one in store.entries(AuditQuery(act="account"))] == [
            "",
            "Ann Other, ward 4",
        ]
        with pytest.raises(KeyError):
            store.change_user("nobody", renamed("x"))

    def test_a_change_that_is_refused_leaves_everything(self, store: Store) -> None:
        store.add_user(user(), told())
        store.open_session(session(), [])

        def refuse(_: User, __: Sequence[User]) -> Changed:
            raise Misconfigured("no")

        with pytest.raises(Misconfigured):
            store.change_user("ann", refuse, end_sessions=True)
        assert store.session(session().digest) is not None

    def test_changes_see_each_other(self, store: Store) -> None:
        """Of two administrators who disable each other at once, one stays."""
        for name in ("ann", "bob"):
            store.add_user(user(name, roles=("administrator",)), told())

        def disable(one: User, all_: Sequence[User]) -> Changed:
            if sum(other.state == "active" for other in all_) < 2:
                raise Misconfigured("the last one")
            return Changed(replace(one, state="disabled"))

        def attempt(name: str) -> bool:
            try:
                store.change_user(name, disable)
            except Misconfigured:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            assert sum(threads.map(attempt, ("ann", "bob"))) == 1
        assert sum(one.state == "active" for one in store.users()) == 1

    def test_a_session_is_found_by_its_digest_with_its_account(self, store: Store) -> None:
        store.add_user(user(), told())
        store.open_session(session(), [told("console", outcome="done")])
        assert store.session(session().digest) == (session(), user(seen_at=11.0))
        assert store.session(b"\x09" * 32) is None
        store.saw_session(session().digest, 70.0)
        store.saw_session(session().digest, 60.0)
        found = store.session(session().digest)
        assert found is not None
        assert found[0].seen_at == 70.0
        assert found[0].id == "01" * 8

    def test_a_new_session_takes_the_place_of_another_and_forgets_what_is_over(self, store: Store) -> None:
        store.add_user(user(), told())
        store.open_session(session(1, until=12.0), [])
        store.open_session(session(2), [], instead=session(7).digest)
        assert [one.digest for one in store.sessions()] == [session(2).digest]
        store.open_session(session(3), [], instead=session(2).digest)
        assert [one.digest for one in store.sessions("ann")] == [session(3).digest]
        assert store.sessions("bob") == []

    def test_sessions_end_one_by_one_or_with_a_change(self, store: Store) -> None:
        for name in ("ann", "bob"):
            store.add_user(user(name), told())
        for number in (1, 2, 3):
            store.open_session(session(number), [])
        store.open_session(session(4, "bob"), [])
        assert store.end_session(session(1).digest, [told(why="ended")])
        assert not store.end_session(session(1).digest, [told(why="ended")])
        assert [one.entry.why for one in store.entries(AuditQuery(act="account"))] == ["", "", "ended"]
        store.change_user("ann", renamed("x"), end_sessions=True, keep=session(3).digest)
        assert [one.digest for one in store.sessions()] == [session(4).digest, session(3).digest]

    def test_a_token_is_found_by_its_digest_until_it_is_revoked(self, store: Store) -> None:
        store.add_user(user(), told())
        store.add_api_token(token(1), told("token:tok1"))
        store.add_api_token(token(2), told("token:tok2"))
        assert store.api_token(token(1).digest) == (token(1), user())
        assert store.api_token(b"\x09" * 32) is None
        assert [one.id for one in store.api_tokens()] == ["tok2", "tok1"]
        assert store.api_tokens("bob") == []
        store.saw_api_token("tok1", 30.0)
        store.saw_api_token("tok1", 29.0)
        assert store.revoke_api_token("tok1", 31.0, told("token:tok1"))
        assert not store.revoke_api_token("tok1", 32.0, told("token:tok1"))
        found = store.api_token(token(1).digest)
        assert found is not None
        assert (found[0].used_at, found[0].revoked_at) == (30.0, 31.0)
        assert len(store.entries(AuditQuery(act="account"))) == 4
