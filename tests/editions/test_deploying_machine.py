"""Editions in production, whatever people do in whatever order: a machine against a plain account of it."""

from __future__ import annotations

import tempfile

from editions.edition_kit import told
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.auditing import AuditQuery, Entry, Role
from engine.editions.deploying import activate, approve, approved_by_another, before, propose, withdraw
from engine.editions.packing import Packed
from engine.errors import Misconfigured
from engine.store.keys import KeyRing
from engine.store.sql import open_store

PEOPLE = st.sampled_from(["ann", "bob", "eve"])
CONTENT = st.integers(1, 4)


class Production(RuleBasedStateMachine):
    """`path` is what `rollback` walks along, `state` what each edition is, `by` whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(f"sqlite:///{self.folder.name}/w.db", KeyRing({"first": b"\x07" * 32}))
        self.now = 0.0
        self.number: dict[int, int] = {}
        self.state: dict[int, str] = {}
        self.by: dict[int, str] = {}
        self.path: list[int] = []
        self.steps = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def told(self, who: str, role: Role = "author") -> Entry:
        self.now += 1.0
        return told(who, at=self.now, role=role)

    @rule(content=CONTENT, who=PEOPLE)
    def put_forward(self, content: int, who: str) -> None:
        edition = propose(self.store, Packed({"a.yaml": b"# %d" % content}), self.told(who))
        number = self.number.setdefault(content, len(self.number) + 1)
        assert edition.number == number
        if self.state.get(number, "withdrawn") == "withdrawn":
            self.state[number], self.by[number] = "proposed", who
            self.steps += 1

    @precondition(lambda self: self.state)
    @rule(data=st.data(), who=PEOPLE)
    def approved(self, data: st.DataObject, who: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.state)))
        may = self.state[number] == "proposed" and self.by[number] != who
        assert self.tried(lambda: approve(self.store, number, self.told(who, "reviewer"))) == may
        if may:
            self.state[number] = "approved"
            self.ran(number)
            self.steps += 2

    @precondition(lambda self: self.state)
    @rule(data=st.data(), who=PEOPLE)
    def taken_back(self, data: st.DataObject, who: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.state)))
        may = self.state[number] == "proposed"
        assert self.tried(lambda: withdraw(self.store, number, self.told(who))) == may
        if may:
            self.state[number] = "withdrawn"
            self.steps += 1

    @rule(who=PEOPLE)
    def gone_back(self, who: str) -> None:
        may = len(self.path) > 1
        assert self.tried(lambda: activate(self.store, before(self.store), self.told(who))) == may
        if may:
            self.path.pop()
            self.steps += 1

    @invariant()
    def what_runs_was_approved_by_another(self) -> None:
        active = self.store.active()
        assert (active.edition if active else 0) == (self.path[-1] if self.path else 0)
        if active:
            edition = self.store.edition(active.edition)
            assert edition is not None
            assert approved_by_another(edition)

    @invariant()
    def every_step_stands_in_the_audit(self) -> None:
        assert len(self.store.entries(AuditQuery(act="deploy", limit=1000))) == self.steps

    def ran(self, number: int) -> None:
        self.path = self.path[: self.path.index(number)] if number in self.path else self.path
        self.path.append(number)

    @staticmethod
    def tried(what: object) -> bool:
        try:
            what()  # type: ignore[operator]
        except Misconfigured:
            return False
        return True


TestProduction = Production.TestCase
TestProduction.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
