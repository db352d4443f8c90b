"""What a client is shown goes into the audit before it leaves: which messages, by which kind of question.

Never by the ids of resources, which clients may choose: a version is named by its message's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.auditing import Act, Entry, listed, printable
from engine.listeners.fhir.asking import Ask
from engine.model import Version

__all__ = ["looked", "searched"]


def looked(ask: Ask, versions: Sequence[Version], *, how: str = "") -> None:
    """Versions are shown to whom asks; `how` where it is not by the interaction that was asked for."""
    if len(versions) == 1:
        detail = {"version": str(versions[0].version)}
        _note(ask, Act.LOOK, f"message:{versions[0].message_id}", how, **detail)
    elif versions:
        _note(ask, Act.LOOK, "messages", how, shown=listed(one.message_id for one in versions))


def searched(ask: Ask, names: Iterable[str], versions: Sequence[Version]) -> None:
    """What was found by these parameters is shown, be it nothing: that there is nothing is told too."""
    told = listed(one.message_id for one in versions)
    _note(ask, Act.SEARCH, "messages", "", by=printable(" ".join(sorted(set(names))))[:500], shown=told)


def _note(ask: Ask, act: Act, object_: str, how: str, **detail: str) -> None:
    named = {"interaction": how or ask.interaction, "resource": f"{ask.release} {ask.type}", **detail}
    told = {name: text for name, text in named.items() if text}
    at, who = ask.service.clock(), ask.caller.id
    ask.seen.append(Entry(at=at, who=who, role="client", act=act, object=object_, detail=told))
