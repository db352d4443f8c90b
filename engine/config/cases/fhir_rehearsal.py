"""One resource through a FHIR channel with nothing stored and nothing sent: what would become of it.

The same code as in service decides: reading, validation, the rules of change, privacy, the channel's rules.
The id that a case gives stands for the one that the server would make up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.config.cases.aliases import AliasBook
from engine.config.cases.rehearsed import Rehearsal, became
from engine.config.loading import LoadedChannel
from engine.egress import leak_of
from engine.errors import Unacceptable
from engine.fhir import json_text, outcome, reading, rules, validation
from engine.fhir.document import Resource
from engine.fhir.issues import Code, Issue, Rejected
from engine.fhir.stored import Stored, pack, unpack
from engine.gathering import gather
from engine.model import Reason, ReasonCode, StoredMessage
from engine.pipeline import route, withheld
from engine.resources import ResourceKey, Version

__all__ = ["ResourceTrial"]

_REASONS: dict[Code, ReasonCode] = {
    "structure": ReasonCode.STRUCTURE,
    "invalid": ReasonCode.STRUCTURE,
    "required": ReasonCode.MISSING_FIELD,
    "code-invalid": ReasonCode.BAD_VALUE,
    "not-supported": ReasonCode.UNKNOWN_TYPE,
}


class ResourceTrial:
    """A channel to which nothing was sent yet. What is sent is remembered as long as the trial."""

    def __init__(self, channel: LoadedChannel, book: AliasBook | None = None) -> None:
        source = channel.spec.source.fhir
        assert source is not None  # noqa: S101 - other channels are rehearsed otherwise
        self._channel, self._source = channel, source
        self._book = book or AliasBook()
        self._there: dict[ResourceKey, Version] = {}

    def know(self, raw: bytes) -> Rehearsal | None:
        """Take a resource as there, without sending it; why not, if it is none."""
        stored = self._stored(raw)
        try:
            self._write(stored, self._read(stored))
        except Rejected as refusal:
            return _refused(refusal)
        return None

    def say(self, raw: bytes) -> Rehearsal:
        """What would become of `raw` after all that was sent before: a resource as it is stored
        (`engine.fhir.stored`; its number does not count), or its JSON, which is created."""
        stored = self._stored(raw)
        before = self._there.get(ResourceKey(stored.release, stored.type, stored.id))
        try:
            self._may(stored, before)
            resource = self._read(stored)
            if not stored.deleted:
                old = json_text.load(before.body) if before is not None and before.body else None
                _raise(rules.check_change(old, resource, stored.release))
        except Rejected as refusal:
            return _refused(refusal)
        status = "204" if stored.deleted else "200" if before is not None else "201"
        return self._route(self._write(stored, resource), status)

    def packed(self, raw: bytes) -> bytes:
        """A resource as it would be stored."""
        return pack(self._stored(raw))

    def document(self, raw: bytes) -> Resource:
        """A resource as the channel reads it, with those that it refers to. Raises `Unacceptable`."""
        program = self._channel.program
        batch = [StoredMessage(1, program.channel, self.packed(raw), 0.0)]
        resource = Resource.parse(batch[0].raw)
        resource.links = gather(batch, program, self._fetch)
        return resource

    def _stored(self, raw: bytes) -> Stored:
        try:
            return unpack(raw)
        except Unacceptable:
            type_, id_ = _named(raw)
            return Stored(self._source.releases[0], type_, id_, 1, False, raw)

    def _may(self, stored: Stored, before: Version | None) -> None:
        """Whether the channel takes this at all."""
        if stored.type and stored.type not in self._source.resources:
            raise Rejected(404, Issue("not-supported", "no resource of this type is served", stored.type))
        if stored.release not in self._source.releases:
            raise Rejected(404, Issue("not-supported", "this release is not spoken"))
        wanted = "delete" if stored.deleted else "create" if before is None else "update"
        if stored.type and wanted not in self._source.resources[stored.type]:
            raise Rejected(405, Issue("not-supported", f"{wanted} is not allowed", stored.type))
        if stored.deleted and before is None:
            raise Rejected(404, Issue("not-found", "there is no such resource"))

    def _read(self, stored: Stored) -> dict[str, Any]:
        """The resource, if it is one."""
        resource = reading.read(stored.body, "json", stored.release)
        _raise(validation.check(resource, stored.release, stored.type or None))
        return resource

    def _write(self, stored: Stored, resource: dict[str, Any]) -> Stored:
        """As the next version, under the id that it has here."""
        key = ResourceKey(stored.release, stored.type, stored.id)
        number = self._there[key].version + 1 if key in self._there else 1
        body = json_text.dump({**resource, "id": stored.id})
        self._there[key] = Version(key, number, 0.0, stored.deleted, number, number, "", "", "", b"", body)
        return stored._replace(version=number, body=body)

    def _route(self, stored: Stored, status: str) -> Rehearsal:
        program, book = self._channel.program, self._book
        batch = [StoredMessage(1, program.channel, pack(stored), 0.0)]
        links = gather(batch, program, self._fetch)
        (routing,) = route(batch, program, book, links=links)
        leak = leak_of(routing, batch[0], program, date.max, links, set())
        if leak is not None:
            routing = withheld(routing, program, leak, book)
        book.committed()
        return became(status, b"", routing, book)

    def _fetch(self, keys: Sequence[ResourceKey]) -> Mapping[ResourceKey, Version]:
        return {key: self._there[key] for key in keys if key in self._there}


def _named(raw: bytes) -> tuple[str, str]:
    """Type and id of what may be the JSON of a resource."""
    try:
        resource = json_text.load(raw)
    except Unacceptable:
        return "", "case"
    type_, id_ = resource.get("resourceType"), resource.get("id")
    return type_ if isinstance(type_, str) else "", id_ if isinstance(id_, str) else "case"


def _raise(issues: list[Issue]) -> None:
    wrong = [issue for issue in issues if issue.severity in ("error", "fatal")]
    if wrong:
        raise Rejected(validation.status_of(wrong), *wrong)


def _refused(refusal: Rejected) -> Rehearsal:
    """What is not taken: told so, and nothing is kept."""
    first = refusal.issues[0]
    reason = Reason(_REASONS.get(first.code, ReasonCode.BAD_VALUE), first.text, first.expression)
    answer = msgspec.json.encode(outcome.operation_outcome(refusal.issues))
    outgoing = answer.decode()
    return Rehearsal(str(refusal.status), answer, "refused", "", reason, [], "", (), outgoing, frozenset())
