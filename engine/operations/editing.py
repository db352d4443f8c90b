"""Correcting what a message says: what it said before stays, with who changed it and why."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act
from engine.config.cases.rehearsal import accept_rules
from engine.config.loading import LoadedChannel
from engine.errors import Misconfigured, Unacceptable
from engine.hl7.accept import check, check_charset
from engine.hl7.charset import codec_of
from engine.hl7.correcting import corrected, differing_places
from engine.hl7.document import Document
from engine.hl7.header import Header, read_header
from engine.model import StoredMessage
from engine.operations.loading import loaded
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.operations.replaying import WouldReplay, rehearsal, summary
from engine.operations.story import found
from engine.store.contracts.fixing import Revision

__all__ = [
    "EDIT", "OPEN_REVISION", "OPERATIONS", "REVISIONS", "WOULD_EDIT", "AskEdit", "AskRevision",
    "AskRevisions",
]  # fmt: skip

_PLACES: Final = 200
"""Places that the audit lists."""


class AskEdit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Message `id` with other `values` at single places (`FT1-7.1`: the text), or as `content`, the whole
    message as text with its segments on lines of their own. Control id and sender stay what they are."""

    id: int
    values: dict[str, str] = {}
    content: str = ""
    why: str = ""
    ticket: str = ""


class WouldEdit(msgspec.Struct, frozen=True, kw_only=True):
    """The places that the correction changes, and what the message would come to."""

    changed: tuple[str, ...]
    would: WouldReplay


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """The number of the revision, and the places that it changed."""

    revision: int
    changed: tuple[str, ...]


class AskRevisions(msgspec.Struct, frozen=True):
    """Of message `id`."""

    id: int


class AskRevision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Message `id` as this revision (0: as it came), with what identifies a person; takes a reason."""

    id: int
    revision: int
    why: str = ""
    ticket: str = ""


class Said(msgspec.Struct, frozen=True):
    """The text of a message as a revision of it."""

    id: int
    revision: int
    text: str


class _Correction(NamedTuple):
    channel: LoadedChannel
    message: StoredMessage
    changed: tuple[str, ...]


def _would(desk: Desk, caller: Caller, asked: AskEdit) -> WouldEdit:
    correction = _correction(desk, asked)
    look = entry(desk, caller, Act.LOOK, f"message:{asked.id}", detail={"told": "effects of a correction"})
    desk.store.record([look])
    would = summary(rehearsal(desk, [correction.message]), 1, {})
    return WouldEdit(changed=correction.changed, would=would)


def _edit(desk: Desk, caller: Caller, asked: AskEdit) -> Edited:
    correction = _correction(desk, asked)
    detail = {"changed": " ".join(correction.changed[:_PLACES]), "places": str(len(correction.changed))}
    told = entry(
        desk, caller, Act.EDIT, f"message:{asked.id}", why=asked.why, ticket=asked.ticket, detail=detail
    )
    try:
        revision = desk.store.revise(asked.id, correction.message.raw, told=told)
    except KeyError:
        raise _gone(asked.id) from None
    except Unacceptable as error:
        raise Misconfigured(error.text, where=f"message {asked.id}") from None
    return Edited(revision=revision, changed=correction.changed)


def _revisions(desk: Desk, _: Caller, asked: AskRevisions) -> list[Revision]:
    found(desk, asked.id)
    return desk.store.revisions(asked.id)


def _open(desk: Desk, caller: Caller, asked: AskRevision) -> Said:
    try:
        raw = desk.store.revised(asked.id, asked.revision)
    except KeyError:
        raise NotThere(f"message {asked.id} has no content of revision {asked.revision} here") from None
    detail = {"told": "identifying", "revision": str(asked.revision)}
    object_ = f"message:{asked.id}"
    look = entry(desk, caller, Act.LOOK, object_, why=asked.why, ticket=asked.ticket, detail=detail)
    desk.store.record([look])
    codec = _codec(read_header(raw), "")
    return Said(asked.id, asked.revision, raw.decode(codec, "backslashreplace").replace("\r", "\n"))


def _correction(desk: Desk, asked: AskEdit) -> _Correction:
    """The message as it is to be, after all checks. Raises `NotThere`, `Misconfigured`, `Unacceptable`."""
    view = found(desk, asked.id)
    left = desk.store.replayable([asked.id])[asked.id]
    if left is not None:
        raise Misconfigured(f"it cannot be corrected: {left}", where=f"message {asked.id}")
    channel = loaded(desk).channels.get(view.channel)
    if channel is None:
        raise Misconfigured("its channel does not run any more", where=view.channel)
    try:
        before = desk.store.content(asked.id)
    except KeyError:
        raise _gone(asked.id) from None
    if channel.program.fhir:
        hint = "its client sends another version"
        raise Misconfigured("a resource is not corrected here", where=f"message {asked.id}", hint=hint)
    was = Document.parse(before, default_charset=channel.program.charset)
    raw = _content(was, asked, channel)
    now = _checked(raw, was, channel)
    message = StoredMessage(view.id, view.channel, raw, view.received_at, view.edition)
    return _Correction(channel, message, tuple(differing_places(was, now)))


def _content(was: Document, asked: AskEdit, channel: LoadedChannel) -> bytes:
    if bool(asked.values) == bool(asked.content):
        raise Misconfigured("give either values at places, or the whole content", where="values")
    if asked.values:
        try:
            return corrected(was, asked.values)
        except Unacceptable as error:
            raise Misconfigured(error.text, where="values") from None
    text = asked.content.replace("\r\n", "\r").replace("\n", "\r").strip("\r") + "\r"
    codec = _codec(was.header, channel.program.charset)
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        raise Misconfigured(f"holds a character that {codec} does not have", where="content") from None


def _checked(raw: bytes, was: Document, channel: LoadedChannel) -> Document:
    """The corrected message, read. Raises `Misconfigured` when it is another sender's or another message, or
    its channel would not take it."""
    if len(raw) > channel.program.largest:
        raise Misconfigured("is longer than a message may be", where="content")
    source = channel.spec.source.hl7
    assert source is not None  # noqa: S101 - what is not of FHIR is of HL7 v2
    try:
        header = read_header(raw, source.charset)
        rules = accept_rules(source)
        ruling = check(header, rules) or check_charset(raw, header, rules)[0]
        now = Document.parse(raw, default_charset=channel.program.charset)
    except Unacceptable as error:
        raise Misconfigured(f"cannot be read: {error.text}", where=error.place or "content") from None
    if ruling is not None:
        raise Misconfigured(f"its channel would not take it: {ruling.reason.text}", where=ruling.reason.place)
    for place, one, other in _identity(was.header, header):
        if one != other:
            raise Misconfigured("is who sent which message: it stays what it is", where=place)
    return now


def _identity(one: Header, other: Header) -> list[tuple[str, bytes, bytes]]:
    return [
        ("MSH-3", one.field(3), other.field(3)),
        ("MSH-4", one.field(4), other.field(4)),
        ("MSH-10", one.control_id, other.control_id),
    ]


def _codec(header: Header, charset: str) -> str:
    declared = header.charsets[0] if header.charsets else ""
    return codec_of(declared) or codec_of(charset) or "utf-8"


def _gone(message_id: int) -> NotThere:
    return NotThere(f"message {message_id} has no content here: its time is over")


WOULD_EDIT: Final[Operation[AskEdit, WouldEdit]] = Operation(
    "edit.preview", "POST", "/messages/{id}/edit/preview", "What a correction of a message would come to.",
    Permission.FIX, AskEdit, WouldEdit, _would,
)  # fmt: skip
EDIT: Final[Operation[AskEdit, Edited]] = Operation(
    "edit", "POST", "/messages/{id}/edit",
    "Correct what a message says and put it through its channel; what it said before is kept.",
    Permission.FIX, AskEdit, Edited, _edit, reasoned=True,
)  # fmt: skip
REVISIONS: Final[Operation[AskRevisions, list[Revision]]] = Operation(
    "revisions.list", "GET", "/messages/{id}/revisions", "Who corrected a message, when and why.",
    Permission.SEE, AskRevisions, list[Revision], _revisions,
)  # fmt: skip
OPEN_REVISION: Final[Operation[AskRevision, Said]] = Operation(
    "revisions.open", "POST", "/messages/{id}/revisions/{revision}",
    "A message as a revision of it said, with what identifies a person; takes a reason.",
    Permission.CONTENT, AskRevision, Said, _open, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (WOULD_EDIT, EDIT, REVISIONS, OPEN_REVISION)
