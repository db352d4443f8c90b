"""What an account may become: whatever administrators do in whatever order, two things hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.accounts.changing import (
    checked_name,
    checked_roles,
    checked_who,
    directed,
    disabled,
    enabled,
    invited,
    password_set,
    roles_of,
    roles_set,
)
from engine.accounts.matrix import apart
from engine.accounts.words import Role
from engine.auditing import Act, Entry
from engine.errors import Misconfigured
from engine.store.contracts.accounts import Change, User

NAMES = st.sampled_from(["ann", "bob", "eve"])
ROLES = st.frozensets(st.sampled_from(list(Role)))
HASH, LINK = "a slow hash", b"digest of a link"


def told(who: str = "root") -> Entry:
    return Entry(at=1.0, who=who, role="user", act=Act.ACCOUNT, object="user:x")


class Accounts(RuleBasedStateMachine):
    """Three people, changed at random; `bob` comes by the directory."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, User] = {}

    @initialize()
    def begin(self) -> None:
        plain = {"who": "Somebody", "state": "active", "password": HASH}
        self.users = {
            "ann": User(name="ann", roles=("administrator", "viewer"), **plain),  # type: ignore[arg-type]
            "bob": User(name="bob", who="Bob", roles=("viewer",), state="active", issuer="i", subject="s"),
            "eve": User(name="eve", roles=("operator",), **plain),  # type: ignore[arg-type]
        }

    def change(self, name: str, change: Change) -> bool:
        """As the store does it; whether it was done. What is done is told."""
        before = self.users[name]
        try:
            after, entries = change(before, list(self.users.values()))
        except Misconfigured:
            return False
        assert (after.name, after.issuer, after.subject) == (before.name, before.issuer, before.subject)
        assert entries or after == before
        self.users[name] = after
        return True

    @rule(name=NAMES, roles=ROLES)
    def give_roles(self, name: str, roles: frozenset[Role]) -> None:
        try:
            change = roles_set(told(), 2.0, roles)
        except Misconfigured:
            assert not roles or apart(roles)
            return
        if self.change(name, change):
            assert roles_of(self.users[name].roles) == roles

    @rule(name=NAMES)
    def disable(self, name: str) -> None:
        if self.change(name, disabled(told(), 2.0)):
            assert self.users[name].invitation is None

    @rule(name=NAMES)
    def enable(self, name: str) -> None:
        self.change(name, enabled(told(), 2.0))

    @rule(name=NAMES)
    def reset(self, name: str) -> None:
        if self.change(name, invited(told(), 2.0, LINK, 9.0)):
            assert self.users[name].password == ""

    @rule(name=NAMES)
    def accept(self, name: str) -> None:
        had = self.users[name].invitation
        assert self.change(name, password_set(told(), 2.0, HASH, LINK)) == (had == LINK)
        assert self.users[name].invitation is None

    @invariant()
    def nobody_is_both(self) -> None:
        for user in self.users.values():
            assert apart(roles_of(user.roles)) is None
            assert user.roles

    @invariant()
    def somebody_manages(self) -> None:
        if self.users:
            assert any(one.state == "active" and "administrator" in one.roles for one in self.users.values())

    @invariant()
    def who_has_no_password_comes_in_by_no_password(self) -> None:
        for user in self.users.values():
            if not user.issuer and user.state == "active":
                assert user.password


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_the_directory_decides_also_about_the_last_administrator() -> None:
    user = User(name="bob", who="Bob", roles=("administrator",), state="active", issuer="i", subject="s")
    after, entries = directed(told(), 2.0, ("viewer",), "Bob O.")(user, [user])
    assert (after.roles, after.who) == (("viewer",), "Bob O.")
    assert entries[0].detail == {"before": "administrator", "after": "viewer"}
    assert directed(told(), 2.0, ("viewer",), "Bob O.")(after, [after]).told == ()


@pytest.mark.parametrize("name", ["", "Ann", "ann ", "-ann", "ann.", "a" * 65, "änn", "a\nb", "a/b", "a:b"])
def test_a_name_is_one_that_the_audit_can_say(name: str) -> None:
    with pytest.raises(Misconfigured):
        checked_name(name)


@pytest.mark.parametrize("name", ["a", "m.weber", "ann-2", "x_y", "a" * 64])
def test_names_that_do(name: str) -> None:
    assert checked_name(name) == name


def test_words_of_another_version_are_no_roles() -> None:
    assert roles_of(("viewer", "emperor")) == {Role.VIEWER}
    assert checked_roles([Role.VIEWER, Role.OPERATOR, Role.VIEWER]) == ("operator", "viewer")
    assert checked_who("  Ann \t Onym ") == "Ann Onym"
