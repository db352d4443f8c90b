"""What a client is shown goes into the audit before it leaves: which messages, by which kind of question.

Never by the ids of resources, which clients may choose: a version is named by its message's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.auditing import Act, Entry, printable, spread
from engine.listeners.fhir.asking import Ask
from engine.resources import Version

__all__ = ["looked", "searched"]


def looked(ask: Ask, versions: Sequence[Version]) -> None:
    """Versions are shown to whom asks."""
    if len(versions) == 1:
        detail = {"version": str(versions[0].version)}
        ask.seen.append(_entry(ask, Act.LOOK, f"message:{versions[0].message_id}", **detail))
    elif versions:
        ask.seen.extend(_shown(_entry(ask, Act.LOOK, "messages"), versions))


def searched(ask: Ask, names: Iterable[str], versions: Sequence[Version]) -> None:
    """What was found by these parameters is shown, be it nothing: that there is nothing is told too."""
    entry = _entry(ask, Act.SEARCH, "messages", by=printable(" ".join(sorted(set(names))))[:500])
    ask.seen.extend(_shown(entry, versions) if versions else [entry])


def _shown(entry: Entry, versions: Sequence[Version]) -> list[Entry]:
    return spread(entry, "shown", (one.message_id for one in versions))


def _entry(ask: Ask, act: Act, object_: str, **detail: str) -> Entry:
    named = {"interaction": ask.interaction, "resource": f"{ask.release} {ask.type}", **detail}
    told = {name: text for name, text in named.items() if text}
    at, who = ask.service.clock(), ask.caller.id
    return Entry(at=at, who=who, role="client", act=act, object=object_, detail=told)
