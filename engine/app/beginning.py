"""Which edition a process comes up with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.app.workers import Share
from engine.auditing import Act, Entry
from engine.editions.deploying import take_folder
from engine.editions.loading import Loaded, Shelf
from engine.errors import Misconfigured
from engine.settings import Settings
from engine.store.contracts.editions import Activation, EditionStore
from engine.telemetry import EditionRefused, signal

__all__ = ["Beginning", "active_of"]


def active_of(store: EditionStore, settings: Settings, folder: Path | None) -> Activation:
    """What is to be run; the content of `folder` becomes that before, if one is given. Raises
    `Misconfigured`."""
    if folder is not None:
        told = Entry(
            at=time.time(), who=f"engine@{settings.node}", role="engine", act=Act.DEPLOY, object="editions",
            why="wardline run with a folder",
        )  # fmt: skip
        return take_folder(store, folder, settings.sites, told)
    active = store.active()
    if active is None:
        raise Misconfigured("nothing was deployed yet", hint="wardline deploy FOLDER")
    return active


class Beginning(NamedTuple):
    """How a process begins: by what is active; where that cannot be run here, by what ran last, so that a bad
    edition does not keep an engine down that has stopped for another reason. A process that only routes goes
    by what the first one runs."""

    store: EditionStore
    shelf: Shelf
    settings: Settings
    share: Share

    def loaded(self, active: Activation) -> Loaded:
        """What to begin with. Raises `Misconfigured`."""
        first = [one for one in self.store.running() if one.holder == f"{self.settings.node}/0"]
        if self.share[0] > 0 and first:
            return self.shelf.load(first[0].edition)
        return self.shelf.to_run(active.edition)

    def begin(
        self,
        active: Activation,
        start: Callable[[Activation, Loaded, str], None],
        *,
        last: bool,
        later: Callable[[Callable[[], None]], object],
        failed: Callable[[Misconfigured], None],
    ) -> None:
        """`start` with what is active, else, where `last` allows that, with what ran last: `later`,
        when the doors that were opened in vain are closed. `failed` is told why nothing runs."""
        try:
            start(active, self.loaded(active), "")
        except Misconfigured as error:
            instead = self._last(active) if last else 0
            if not instead:
                failed(error)
                return
            later(partial(self._begin_with, instead, active, start, error, failed))

    def _begin_with(
        self,
        edition: int,
        active: Activation,
        start: Callable[[Activation, Loaded, str], None],
        error: Misconfigured,
        failed: Callable[[Misconfigured], None],
    ) -> None:
        signal(EditionRefused(active.edition, str(error)))
        try:
            start(active, self.shelf.to_run(edition), str(error))
        except Misconfigured as another:
            failed(another)

    def _last(self, active: Activation) -> int:
        holder = f"{self.settings.node}/{self.share[0]}"
        ran = [one.edition for one in self.store.running() if one.holder == holder]
        return next((edition for edition in ran if edition != active.edition), 0)
