"""The desk as a state machine: whatever is done in whatever order, with the audit away, clocks set,
restarts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from reidentify.desk_kit import Kit, person

from engine.errors import Unavailable
from engine.people.words import Limits, Person, Role
from engine.reidentify.limits import HOUR
from engine.reidentify.requests import Request, Shown
from engine.reidentify.words import Denied, Steps

PEOPLE = [person("maria"), person("jon"), person("asker", Role.ASKER), person("approver", Role.APPROVER)]
WHO = st.sampled_from(PEOPLE)
LIMITS = Limits(alone=2, person=6, everybody=12)


class DeskMachine(RuleBasedStateMachine):
    """Against the audit alone: it has to account for every look."""

    def __init__(self) -> None:
        super().__init__()
        self.kit = Kit(LIMITS, known=4)
        self.requests: list[Request] = []
        self.shown: list[tuple[str, str, float]] = []  # request, who, when

    def _do(self, who: str, call: Callable[..., object], *args: object) -> None:
        with suppress(Denied, Unavailable):
            found = call(*args)
            if isinstance(found, Shown):
                self.shown.append((found.request, who, self.kit.now.steady))
            elif isinstance(found, Request) and found.approver == "":
                self.requests.append(found)

    @rule(who=WHO, number=st.integers(0, 6))
    def ask(self, who: Person, number: int) -> None:
        self._do(who.name, self.kit.ask, who, number)

    @rule(who=WHO, at=st.integers(0, 5), verb=st.sampled_from(["approve", "approve", "decline", "collect"]))
    def act(self, who: Person, at: int, verb: str) -> None:
        if at < len(self.requests):
            request = self.requests[-1 - at]
            self._do(who.name, getattr(self.kit.desk, verb), who, request.id, self.kit.now)

    @rule(seconds=st.sampled_from([1.0, 600.0, HOUR, 5 * HOUR]), wall=st.sampled_from([None, 0.0, -1e6]))
    def later(self, seconds: float, wall: float | None) -> None:
        self.kit.later(seconds, wall)

    @rule()
    def the_audit_goes_or_comes(self) -> None:
        self.kit.away = not self.kit.away

    @rule()
    def restart(self) -> None:
        self.kit.anew(LIMITS)
        with suppress(Unavailable):
            self.kit.desk.restore(list(self.kit.steps), self.kit.now)
            return
        self.kit.away = False  # it does not start without
        self.kit.anew(LIMITS).restore(list(self.kit.steps), self.kit.now)

    @invariant()
    def every_look_stands_in_the_audit_before_and_once(self) -> None:
        looks = [step for step in self.kit.steps if step.step is Steps.SHOWN]
        assert [(step.request, step.who) for step in looks] == [(id_, who) for id_, who, _ in self.shown]
        assert len({step.request for step in looks}) == len(looks)

    @invariant()
    def above_the_limit_another_person_approved(self) -> None:
        approved = {step.request: step for step in self.kit.steps if step.step is Steps.APPROVED}
        for step in self.kit.steps:
            if step.step is Steps.SHOWN and step.other:
                assert approved[step.request].who == step.other != step.who
                assert step.other in ("maria", "jon", "approver")
        alone = {step.request for step in self.kit.steps if step.step is Steps.SHOWN and not step.other}
        for who in PEOPLE:
            times = [at for id_, name, at in self.shown if name == who.name and id_ in alone]
            assert all(sum(at - HOUR < other <= at for other in times) <= LIMITS.alone for at in times)
        assert "approver" not in {who for _, who, _ in self.shown}


TestDeskMachine = DeskMachine.TestCase
TestDeskMachine.settings = settings(max_examples=80, stateful_step_count=50)
