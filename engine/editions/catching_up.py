"""What waits for a run of a schedule that the edition in force does not have any more."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from engine.auditing import Entry
from engine.program import Program
from engine.scheduling import AT_ONCE, with_the_rest
from engine.store.base import MessageStore

__all__ = ["catch_up"]


def catch_up(store: MessageStore, programs: Mapping[str, Program], told: Entry) -> int:
    """Bring forward what waits for a run that is later than that of a message which came now, or waits at all
    where its channel acts at once by now: else it would be overtaken by what corrects it. How many
    deliveries; `told` is who does it and when, for the audit. Raises `Unavailable`."""
    moved = 0
    for run in store.scheduled():
        program = programs.get(run.channel)
        if program is None:  # a channel that is gone keeps its schedule
            continue
        due_at = program.schedule.run_for(told.at, told.at) if program.schedule else told.at
        if run.due_at > due_at:
            said = replace(told, object=f"channel:{run.channel}", detail={"count": str(run.deliveries)})
            move = partial(store.bring_forward, run.channel, due_at, limit=AT_ONCE)
            moved += with_the_rest(move(told=said), move)
    return moved
