"""Messages: looked for by what is known of them or by a person's number, shown with what became of them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, spread
from engine.correlation import message_of
from engine.errors import Misconfigured, Unacceptable
from engine.fhir.releases import RELEASES
from engine.model import MessageState, ReasonCode
from engine.operations.control_ids import Sender, names_of, senders
from engine.operations.loading import loaded
from engine.operations.moments import moment
from engine.operations.operation import Desk, Operation, entry
from engine.operations.story import Asked, Id, Story, story
from engine.privacy.searching import KnownAuthorities
from engine.privacy.vault import Vault
from engine.searching import search
from engine.store.cipher import Fingerprints
from engine.store.contracts.overview import Sought
from engine.store.contracts.views import MessageView, Query

__all__ = ["FIND", "OPERATIONS", "SEARCH", "SHOW", "Find", "Found", "Listed", "Search"]

MOST: Final = 500
"""Messages on a page."""

_EVERY: Final = Query(limit=100_000)
_RESOURCE: Final = re.compile(r"([A-Z][A-Za-z]{1,40})/([A-Za-z0-9.-]{1,64})", re.ASCII)


class Search(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which messages, newest first: everything given must hold.

    `type` is `ADT` or `ADT^A01`; `since` and `until` an age (`15m`, `2h`, `7d`) or a date and time (ISO 8601,
    UTC) of when it was received; `control_id` is MSH-10, tried for all who sent lately, or for `application`
    (MSH-3) and `facility` (MSH-4); `correlation` the id that logs, traces and answers name it by; `about` a
    FHIR resource (`SupplyRequest/17`), an effect's key, a document's id or name, looked for among what was
    received in the last 30 days where `since` does not say; `code`, `place` and `destination` why and where
    it stopped (`-`: before any destination); `edition` the one that it went through; `before` an id, for the
    next page."""

    channel: str = ""
    type: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    control_id: str = ""
    application: str = ""
    facility: str = ""
    correlation: str = ""
    about: str = ""
    code: str = ""
    place: str = ""
    destination: str = ""
    edition: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    before: Id = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 50


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages, newest first. `next` is `before` of the next page, 0 on the last. `senders` is
    under how many senders a control id was looked for."""

    messages: tuple[MessageView, ...]
    next: int = 0
    senders: int = 0


class Find(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By a number: `kind` says what kind, `value` it, `authority` (empty: any) who gave it. Goes into the
    audit, as a token. `why` and `ticket` may say what for."""

    kind: Literal["mrn", "visit", "account", "order", "appointment", "token"] = "mrn"
    value: str
    authority: str = ""
    channel: str = ""
    state: str = ""
    since: str = ""
    why: str = ""
    ticket: str = ""
    limit: int = 200


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The newest of the messages that name the number, `total` of all that do; `tokens` stand for whom or
    what it is (several after merges); under how many `authorities` it was looked for."""

    messages: tuple[MessageView, ...]
    total: int
    tokens: tuple[str, ...]
    authorities: int


def _search(desk: Desk, caller: Caller, asked: Search) -> Listed:  # noqa: ARG001 - everybody is shown the same
    now, limit = desk.clock(), max(1, min(asked.limit, MOST))
    sought = Sought(
        channel=asked.channel,
        type=asked.type.strip(),
        state=_known("state", asked.state, MessageState),
        since=moment(asked.since, now, "since"),
        until=moment(asked.until, now, "until"),
        code=_known("code", asked.code, ReasonCode),
        place=asked.place,
        destination=asked.destination,
        edition=asked.edition,
        before=asked.before,
        limit=limit + 1,
    )
    tried = 0
    if asked.control_id:
        names, tried = _names(desk, asked)
        if not names:
            return Listed(messages=(), senders=tried)
        sought = msgspec.structs.replace(sought, fingerprints=names)
    if asked.correlation:
        return _correlated(desk, asked.correlation.strip().lower())
    if asked.about:
        return _about(desk, asked.about.strip(), sought, now)
    found = desk.store.seek(sought)
    more = len(found) > limit
    return Listed(messages=tuple(found[:limit]), next=found[limit - 1].id if more else 0, senders=tried)


def _names(desk: Desk, asked: Search) -> tuple[tuple[bytes, ...], int]:
    """Under which names a control id is looked for, and of how many senders."""
    channels = [asked.channel] if asked.channel else sorted(loaded(desk).channels)
    found = senders(desk.store, channels)
    given = [Sender(asked.application.encode(), asked.facility.encode())] if asked.application else []
    keys = Fingerprints(desk.ring.following(desk.store.uses()))
    tried = len(given) or len(set().union(*found.values()))
    return names_of(keys, asked.control_id.strip(), found, given), tried


def _correlated(desk: Desk, text: str) -> Listed:
    """The message of this store that goes by a correlation id: another store's may have the same number."""
    found = desk.store.messages(Query(ids=(message_of(text),), limit=1))
    return Listed(messages=tuple(view for view in found if view.correlation == text))


def _about(desk: Desk, word: str, sought: Sought, now: float) -> Listed:
    """Those of such a resource, effect or document, and of what else is asked."""
    if '"' in word or "\\" in word:
        raise Misconfigured("no key and no document is written so", where="about")
    since = sought.since or moment("30d", now)
    ids = _versions(desk, word) or desk.store.delivering(word, since=since, limit=MOST)
    fits = {view.id: view for number in ids for view in desk.store.messages(Query(ids=(number,), limit=1))}
    found = [view for view in fits.values() if _fits(view, sought)]
    return Listed(messages=tuple(found[: sought.limit - 1]))


def _versions(desk: Desk, word: str) -> list[int]:
    """Of a FHIR resource (`SupplyRequest/17`) the messages that its versions are, newest first."""
    found = _RESOURCE.fullmatch(word)
    if found is None:
        return []
    of_each = [
        desk.store.history(release, found[1], found[2], before=0, since=0.0, limit=MOST).versions
        for release in RELEASES
    ]
    return sorted((one.message_id for versions in of_each for one in versions), reverse=True)


def _fits(view: MessageView, sought: Sought) -> bool:
    return sought.channel in ("", view.channel) and sought.state in ("", view.state)


def _find(desk: Desk, caller: Caller, asked: Find) -> Found:
    ring = desk.ring.following(desk.store.uses())
    value = asked.value.strip()
    if not value:
        raise Misconfigured("say which number", where="value")
    known = KnownAuthorities(ring, desk.store).names()
    if asked.authority and asked.authority not in known:
        raise Misconfigured("no number of this authority came by", where="authority")
    query = msgspec.structs.replace(
        _EVERY,
        channel=asked.channel,
        state=_known("state", asked.state, MessageState),
        since=moment(asked.since, desk.clock(), "since"),
    )
    names = Vault.of(ring, desk.settings.tenant)
    try:
        found = search(
            desk.store, names, asked.kind, value, {asked.authority} if asked.authority else known, query
        )
    except Unacceptable as error:
        raise Misconfigured(error.text, where="value") from None
    newest = found.messages[: -1 - max(1, min(asked.limit, MOST)) : -1]
    about = found.tokens[0] if found.tokens else f"unknown {asked.kind}"
    detail = {
        "kind": asked.kind, "messages": str(len(found.messages)), "same": ", ".join(found.tokens[1:101]),
    }  # fmt: skip
    told = entry(desk, caller, Act.SEARCH, about, why=asked.why.strip(), ticket=asked.ticket, detail=detail)
    desk.store.record(spread(told, "shown", [view.id for view in newest]))
    return Found(
        messages=newest, total=len(found.messages), tokens=found.tokens, authorities=found.authorities
    )


def _show(desk: Desk, caller: Caller, asked: Asked) -> Story:  # noqa: ARG001
    return story(desk, asked.id)


def _known(where: str, text: str, words: type[MessageState] | type[ReasonCode]) -> str:
    known = [one.value for one in words]
    if text and text not in known:
        raise Misconfigured(f"is none of {', '.join(known)}", where=where)
    return text


SEARCH: Final = Operation(
    "messages.search", "GET", "/messages",
    "Messages by type, state, time, control or correlation id, cause, effect or document.",
    Permission.SEE, Search, Listed, _search,
)  # fmt: skip
FIND: Final = Operation(
    "messages.find", "POST", "/messages/find",
    "Messages that name a number (of a person, visit, account, order …) or what a token stands for;"
    " goes into the audit.",
    Permission.FIND, Find, Found, _find,
)  # fmt: skip
SHOW: Final = Operation(
    "messages.show", "GET", "/messages/{id}", "One message's story: what came of it, and what it waits for.",
    Permission.SEE, Asked, Story, _show,
)  # fmt: skip

OPERATIONS: Final = (SEARCH, FIND, SHOW)
