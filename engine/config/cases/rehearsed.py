"""What a rehearsal shows of a message: the answer, what became of it, everything that would leave."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NamedTuple

from engine.config.cases.aliases import AliasBook
from engine.effects import Effect, encode, kind_of
from engine.model import Dead, Filtered, Fragment, Reason, Routed, Routing

__all__ = ["Rehearsal", "State", "became"]

_SAID_BACK = re.compile(rb"(\rMSA\|[A-Z]{2}\|)[^|\r]*")
"""MSA-2: the sender's own MSH-10, which every answer says back."""

State = Literal["effects", "filtered", "dead", "fragment", "quarantined", "refused"]
"""`refused`: told so and not kept (FHIR); `quarantined`: told so and kept for a person (HL7 v2)."""


class Rehearsal(NamedTuple):
    """What would become of a message. `code` is that of MSA-1 (or `none`), or the status of HTTP; `effects`
    are plain data with readable tokens, each under its word; `outgoing` is everything that would leave, as
    it would."""

    code: str
    acknowledgement: bytes
    state: State
    step: str
    reason: Reason | None
    effects: list[dict[str, dict[str, Any]]]
    sequence_key: str
    warnings: tuple[Reason, ...]
    outgoing: str
    identifiers: frozenset[str]
    made: tuple[Effect, ...] = ()
    """The effects with their tokens."""


def became(code: str, answer: bytes, routing: Routing, book: AliasBook) -> Rehearsal:
    """What a message that was taken became."""
    result = routing.result
    reason = result.reason if isinstance(result, Dead) else None
    effects = result.effects if isinstance(result, Routed) else ()
    sequence_key = result.sequence_key if isinstance(result, Routed) else ""
    order = result.sequence_keys if isinstance(result, Routed) else ()
    encoded = [encode(effect).decode() for effect in effects]
    said = [f"{one.place}: {one.text}" for one in (reason, *routing.warnings) if one is not None]
    return Rehearsal(
        code=code,
        acknowledgement=answer,
        state=_STATES[type(result)],
        step=result.step if isinstance(result, Filtered) else "",
        reason=reason,
        effects=[
            {kind_of(effect): _plain(text, book)} for effect, text in zip(effects, encoded, strict=True)
        ],
        sequence_key=book.shown(sequence_key),
        warnings=routing.warnings,
        outgoing="\n".join(
            (_SAID_BACK.sub(rb"\1", answer).decode("latin-1"), sequence_key, *order, *encoded, *said)
        ),
        identifiers=book.identifiers,
        made=effects,
    )


_STATES: dict[type[object], State] = {
    Routed: "effects",
    Filtered: "filtered",
    Dead: "dead",
    Fragment: "fragment",
}


def _plain(text: str, book: AliasBook) -> dict[str, Any]:
    """An encoded effect without its word, its tokens readable: what they stand for may hold any sign."""
    fields: dict[str, Any] = json.loads(text)
    del fields["effect"]
    return {name: _readable(part, book) for name, part in fields.items()}


def _readable(part: Any, book: AliasBook) -> Any:
    if isinstance(part, dict):
        return {name: _readable(one, book) for name, one in part.items()}
    if isinstance(part, list):
        return [_readable(one, book) for one in part]
    return book.shown(part) if isinstance(part, str) else part
