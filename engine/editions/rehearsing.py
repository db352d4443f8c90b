"""What stored messages would come to if they went through channels again now, with nothing stored.

The very code of service decides: the tokens of the vault, the courses as they stand, and what is carried out
already. Numbers that the vault does not know get a token that nobody keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from engine.config.loading import LoadedChannel
from engine.courses.course import renamed, tokens_in
from engine.editions.replaying import Became, became
from engine.effects import decode, encode
from engine.egress import leak_of, work_since
from engine.gathering import gather
from engine.model import DeliveryState, Fragment, MessageState, Routing, StoredMessage
from engine.overtaking import overtakes
from engine.pipeline import replayed, route, withheld
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault
from engine.store.base import Store
from engine.store.contracts.fixing import Place
from engine.store.contracts.views import DeliveryView, MessageView, Query
from engine.store.renewing import Earlier, Renewal, renewal_of

__all__ = ["Rehearsed", "rehearse"]


class Rehearsed(NamedTuple):
    """What one message is, and what it would become; what of it would stand and what be made anew, and of the
    latter how many effects a later message has `overtaken`: they would be refused."""

    view: MessageView
    was: Became
    becomes: Became
    renewal: Renewal
    overtaken: int


def rehearse(
    store: Store,
    vault: Vault,
    channels: Mapping[str, LoadedChannel],
    messages: Sequence[StoredMessage],
    now: float,
) -> Iterator[Rehearsed]:
    """The messages in their order, but for those of no channel, and those that are pieces. Raises
    `Unavailable`."""
    book = TokenBook(vault, store.tokens)
    ids = tuple(one.id for one in messages)
    views = {view.id: view for view in store.messages(Query(ids=ids, limit=len(ids)))} if ids else {}
    for message in messages:
        channel, view = channels.get(message.channel), views.get(message.id)
        if channel is None or view is None:
            continue
        again = msgspec.structs.replace(message, said=view.reason is None)
        routing = _routed(store, book, channel, again)
        if not isinstance(routing.result, Fragment):
            yield _rehearsed(store, view, routing, now)


def _routed(store: Store, book: TokenBook, channel: LoadedChannel, message: StoredMessage) -> Routing:
    program = channel.program
    links = gather([message], program, store.resources) if program.fhir else {}
    (mapped,) = route([message], program, book, links=links)
    (routing,), _ = replayed([(program, mapped)], book, store)
    leak = leak_of(routing, message, program, work_since(message.received_at), links, set())
    if leak is not None:
        routing = withheld(routing, program, leak, book)
    book.committed()
    return routing


def _rehearsed(store: Store, view: MessageView, routing: Routing, now: float) -> Rehearsed:
    views = store.deliveries(Query(limit=100_000), message_id=view.id)
    renewal = renewal_of(routing, view.channel, _earlier(store, views), now)
    overtaken = _overtaken(store, renewal)
    return Rehearsed(view, _was(view, views), became(routing, "")._replace(warnings=()), renewal, overtaken)


def _earlier(store: Store, views: Sequence[DeliveryView]) -> list[Earlier]:
    """Deliveries as the store compares them: with the tokens that stand by now."""
    bodies = [encode(one.delivery.effect) for one in views]
    tokens = {token for body in bodies for token in tokens_in(body)}
    tokens |= {one.delivery.sequence_key for one in views}
    alive = store.survivors(sorted(tokens)) if tokens else {}
    return [
        Earlier(
            one.delivery.id,
            one.delivery.destination,
            alive.get(one.delivery.sequence_key, one.delivery.sequence_key),
            decode(renamed(body, alive)),
            one.state.value,
            one.delivery.progress,
        )
        for one, body in zip(views, bodies, strict=True)
    ]


def _was(view: MessageView, views: Sequence[DeliveryView]) -> Became:
    """What the message came to when it was routed last."""
    effects = [one.delivery.effect for one in views if one.state is not DeliveryState.REPLACED]
    if effects:
        return Became("effects", effects=tuple(dict.fromkeys(effects)))
    if view.state is MessageState.FILTERED:
        return Became("filtered", view.step)
    return Became("dead", view.reason.code.value if view.reason else "")


def _overtaken(store: Store, renewal: Renewal) -> int:
    """Of the new deliveries those that a later message has overtaken."""
    places = {row[0]: Place(row[0], row[3], row[5]) for row in renewal.rows if row[5]}
    later = store.later(list(places.values())) if places else {}
    return sum(
        any(overtakes(one.effect, decode(row[6])) for one in later.get(row[0], ())) for row in renewal.rows
    )
