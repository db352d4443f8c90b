"""What waits for a code flows again as soon as an edition that has it is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from engine.auditing import Entry
from engine.config.loading import LoadedChannel
from engine.store.base import MessageStore

__all__ = ["heal"]


def heal(store: MessageStore, edition: int, channels: Sequence[LoadedChannel], told: Entry) -> int:
    """Send messages that wait for codes which these channels, those of the edition, have by now through
    again, in the order of their arrival; how many. `told` is who does it, for the audit. Raises
    `Unavailable`."""
    sent = 0
    for channel, table, codes in _there_by_now(store, channels):
        what = replace(told, object=f"channel:{channel}", detail={"edition": str(edition), "table": table})
        sent += store.heal(channel, table, codes, edition=edition, told=what)
    return sent


def _there_by_now(
    store: MessageStore, channels: Sequence[LoadedChannel]
) -> Iterator[tuple[str, str, list[str]]]:
    """Per channel and table, the codes that something waits for and that have a row."""
    tables = {(one.spec.channel, name): table for one in channels for name, table in one.tables.items()}
    wanted: dict[tuple[str, str], list[str]] = {}
    for parked in store.parked():
        at = (parked.channel, parked.table)
        if at in tables and tables[at].rows(parked.code):
            wanted.setdefault(at, []).append(parked.code)
    for (channel, table), codes in wanted.items():
        yield channel, table, codes
