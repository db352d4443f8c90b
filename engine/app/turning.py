"""Following the active edition: what was made active is taken up by the running process, or refused.

Every process of a node does it for itself. It is loaded and looked at in this thread, and taken up in the
reactor's in one step: no message meets half of it. One that cannot be run here leaves the one before in
force."""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import monotonic
from typing import Final, Protocol

from engine.app.recorder import Recorder
from engine.editions.loading import Loaded
from engine.errors import Misconfigured
from engine.store.contracts.editions import Activation, EditionStore, Running
from engine.telemetry import EditionRefused, EditionRunning, signal

__all__ = ["Turning", "Turns"]

EVERY: Final = 1.0  # seconds between looks at what is active
PATIENCE: Final = 10.0  # seconds between looks at what older editions still have open


class Turns(Protocol):
    """What turns (`engine.app.node.Node`). Called from a thread."""

    def turn(self, loaded: Loaded) -> None:
        """Go by this edition from now on. Raises `Misconfigured`: then nothing has changed."""

    def keep(self, editions: Collection[int], channels: Collection[str]) -> None:
        """These have open work: hold them, and let go of the others. There are messages to be routed of these
        channels, which no edition may have any more."""


class Turning:
    """The work of `engine.threads.Loop` for the process `holder`."""

    def __init__(
        self,
        store: EditionStore,
        holder: str,
        turns: Turns,
        load: Callable[[int], Loaded],
        clock: Callable[[], float],
        recorder: Recorder | None = None,
        heal: Callable[[Loaded], None] = lambda _: None,
        lead: str = "",
    ) -> None:
        """`lead` is the process that is followed, whatever was made active: what that refused is refused for
        all. `heal` is called with what runs when it has been taken up, and now and then: messages may wait
        for what it has."""
        self._store, self._holder, self._turns, self._load = store, holder, turns, load
        self._clock, self._recorder, self._heal = clock, recorder, heal
        self._lead, self._again = lead, False
        self._seen = (0, 0)  # the activation, and its edition
        self._running = Loaded(0, ())
        self._look_back_at = 0.0

    def began(self, activation: Activation, running: Loaded, refused: str = "") -> None:
        """The process came up with this. Raises `Unavailable`."""
        self._running = running
        if refused and self._recorder:
            self._recorder.refused(activation.edition, refused, running)
        self._look_back_at = 0.0
        self._say(activation, refused)

    def turn(self) -> float:
        """Take up what was made active since; the seconds to rest. Raises `Unavailable`: then it is tried
        again."""
        active, again = self._wanted(), self._again
        self._again = False
        if active is not None and (again or (active.id, active.edition) != self._seen):
            self._follow(active)
        if monotonic() >= self._look_back_at:
            self._look_back()
        return EVERY

    def try_again(self) -> None:
        """With the next turn, also what was refused: what it lacked may be there by now. From any thread."""
        self._again = True

    def _wanted(self) -> Activation | None:
        if not self._lead:
            return self._store.active()
        said = next((one for one in self._store.running() if one.holder == self._lead), None)
        return Activation(said.activation, said.edition, said.at, "", "") if said else None

    def _follow(self, active: Activation) -> None:
        before = self._running
        refused = ""
        if active.edition != before.number:
            try:
                self._take_up(self._load(active.edition))
            except Misconfigured as error:
                refused = str(error)
                self._refused(active.edition, refused)
            else:
                signal(EditionRunning(active.edition, before.number))
        self._say(active, refused)

    def _take_up(self, loaded: Loaded) -> None:
        """What is about to be loaded is in the audit before; when it is refused, so is what stays."""
        if self._recorder:
            self._recorder.taking_up(loaded)
        self._turns.turn(loaded)
        self._running, self._look_back_at = loaded, 0.0

    def _refused(self, edition: int, why: str) -> None:
        signal(EditionRefused(edition, why))
        if self._recorder:
            self._recorder.refused(edition, why, self._running)

    def _say(self, active: Activation, refused: str) -> None:
        said = Running(self._holder, active.id, self._running.number, self._clock(), refused)
        self._store.say_running(said)
        self._seen = (active.id, active.edition)

    def _look_back(self) -> None:
        """What has open work stays, or is taken up again: a dead letter may have been sent on its way, and
        what an older edition could not use may be of use to this one. Rests long where looking takes long."""
        started = monotonic()
        self._turns.keep(self._store.working_editions(), self._store.unrouted_channels())
        self._heal(self._running)
        self._look_back_at = monotonic() + max(PATIENCE, 50 * (monotonic() - started))
