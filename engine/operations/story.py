"""One message's whole story, without content: what came, what was answered, what it meant, what stands."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from engine.effects import kind_of
from engine.hl7.tables import ERROR_CODES
from engine.model import Answered, DeliveryState, MessageState, Reason
from engine.operations.documents import Document, documents_of
from engine.operations.loading import channel_of
from engine.operations.operation import Desk, NotThere
from engine.store.contracts.editions import Edition
from engine.store.contracts.fixing import Revision
from engine.store.contracts.overview import Sought
from engine.store.contracts.views import DeliveryView, MessageView, Query

__all__ = ["MOST", "Answer", "Asked", "Id", "Channel", "Effected", "Said", "Story", "story"]

MOST: Final = 10**12
"""Larger ids than there ever are."""

Id = Annotated[int, msgspec.Meta(ge=0, le=MOST)]

_FEW: Final = 50
_CODES: Final = {"accepted": "AA", "error": "AE", "rejected": "AR"}
_OPEN: Final = (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED)


class Asked(msgspec.Struct, frozen=True):
    """Which message."""

    id: Id


class Said(msgspec.Struct, frozen=True):
    """An error that the sender was told: code of table 0357 with its words, place, text."""

    hl7: int
    words: str
    place: str
    text: str


class Answer(msgspec.Struct, frozen=True):
    """What the sender was told: `AA` (in enhanced mode `CA`), `AE`, `AR`, empty for nothing yet, and the
    errors that it named. `application` is how it stands with an answer on a link of its own."""

    code: str
    what: Answered
    errors: tuple[Said, ...]
    application: str = ""


class Effected(msgspec.Struct, frozen=True, kw_only=True):
    """One effect on its way to one destination: what it says, how often it was tried, what stands. `after` is
    in how many seconds after the message was received it was settled; `behind` the message whose
    effect for the same patient, visit or order has to go first."""

    id: int
    destination: str
    kind: str
    key: str
    effect: dict[str, Any]
    sequence_key: str
    state: DeliveryState
    attempts: int
    due_at: float
    progress: dict[str, str]
    reason: Reason | None
    documents: tuple[Document, ...]
    note: str
    settled_at: float
    after: float | None
    behind: int = 0


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """Whose message it is: the owners of its channel, and what was promised."""

    name: str
    description: str = ""
    business: str = ""
    technical: str = ""
    sender: str = ""
    contact: str = ""
    runbook: str = ""
    shadow: bool = False
    fhir: bool = False


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A message and all that is known of it: by which edition it went, the resource that it is a version of,
    the one that it repeats or continues, what repeats or continues it, corrections of it, and its effects."""

    message: MessageView
    correlation: str
    channel: Channel
    answer: Answer
    edition: Edition | None
    resource: str
    original: MessageView | None
    repeats: tuple[MessageView, ...]
    revisions: tuple[Revision, ...]
    effects: tuple[Effected, ...]
    tokens: tuple[str, ...]
    has_content: bool

    @property
    def open(self) -> int:
        """How many of its effects are still on their way."""
        return sum(one.state in _OPEN for one in self.effects)


def story(desk: Desk, message_id: int) -> Story:
    """The story of a message. Raises `NotThere`."""
    view = found(desk, message_id)
    behind = {one.delivery_id: one.message_id for one in desk.store.ahead(message_id)}
    deliveries = desk.store.deliveries(Query(limit=1000), message_id=message_id)
    effects = tuple(_effected(desk, one, view, behind) for one in deliveries)
    original = desk.store.messages(Query(ids=(view.original,), limit=1)) if view.original else []
    return Story(
        message=view,
        correlation=view.correlation,
        channel=_channel(desk, view),
        answer=_answer(view, original[0] if original else None),
        edition=desk.store.edition(view.edition) if view.edition else None,
        resource=desk.store.resources_of([message_id]).get(message_id, ""),
        original=original[0] if original else None,
        repeats=tuple(desk.store.seek(Sought(original=message_id, limit=_FEW))),
        revisions=tuple(desk.store.revisions(message_id)),
        effects=effects,
        tokens=tuple(dict.fromkeys(one.sequence_key for one in effects if one.sequence_key)),
        has_content=desk.store.has_content(message_id),
    )


def found(desk: Desk, message_id: int) -> MessageView:
    """A message. Raises `NotThere`."""
    views = desk.store.messages(Query(ids=(message_id,), limit=1))
    if not views:
        raise NotThere(f"there is no message {message_id}")
    return views[0]


def _effected(desk: Desk, view: DeliveryView, message: MessageView, behind: dict[int, int]) -> Effected:
    delivery, settled = view.delivery, view.settled_at
    plain = msgspec.to_builtins(delivery.effect, str_keys=True)
    said = {name: value for name, value in plain.items() if name not in ("effect", "key")}
    return Effected(
        id=delivery.id,
        destination=delivery.destination,
        kind=kind_of(delivery.effect),
        key=delivery.effect.key,
        effect=said,
        sequence_key=delivery.sequence_key,
        state=view.state,
        attempts=delivery.attempts,
        due_at=view.due_at,
        progress=delivery.progress,
        reason=view.reason,
        documents=tuple(documents_of(delivery.destination, view.documents, desk.environ)),
        note=view.note,
        settled_at=settled,
        after=max(0.0, settled - message.received_at) if settled else None,
        behind=behind.get(delivery.id, 0),
    )


def _channel(desk: Desk, view: MessageView) -> Channel:
    known = channel_of(desk, view.channel, view.edition)
    if known is None:
        return Channel(name=view.channel)
    spec = known.spec
    sender = spec.about.sender
    return Channel(
        name=view.channel,
        description=spec.description,
        business=spec.owner.business,
        technical=spec.owner.technical,
        sender=sender.system if sender else "",
        contact=sender.contact if sender else "",
        runbook=spec.about.runbook,
        shadow=spec.shadow,
        fhir=spec.source.fhir is not None,
    )


def _answer(view: MessageView, original: MessageView | None) -> Answer:
    """The errors are those of a message that was refused; a later dead letter was not told to its sender,
    unless the channel answers when it is mapped or delivered."""
    told = view.answered or (original.answered if original and view.state is MessageState.DUPLICATE else "")
    reasons = (view.reason, *view.reason.more) if view.reason and told in ("error", "rejected") else ()
    errors = tuple(Said(one.hl7, ERROR_CODES.get(one.hl7, ""), one.place, one.text) for one in reasons)
    return Answer(_CODES.get(told, ""), told, errors, view.application)
