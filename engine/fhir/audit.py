"""Who did what, in FHIR's words: an AuditEvent and a Provenance for every version that is kept, an AuditEvent
for every entry of the audit.

Those of versions are made from what the store chains with the version (`engine.resources.Version`), never
stored beside it: they cannot say anything else. All name the client, the request and the version; nothing of
the content but the digest of the body as it was transmitted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

from engine.auditing import Act, Recorded
from engine.fhir.issues import Issue, Rejected
from engine.fhir.json_text import Twice, load
from engine.fhir.releases import Release
from engine.resources import Version

__all__ = ["MAX_PROVENANCE", "audit_event", "entry_event", "provenance", "read_provenance"]

MAX_PROVENANCE: Final = 16 * 1024
"""Bytes of an `X-Provenance` header, at most."""

Resource = dict[str, Any]
_What = Literal["create", "update", "delete"]

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
_REST: Final = {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest"}
_SERVER: Final = {"system": f"{_TERMINOLOGY}/security-source-type", "code": "4"}  # application server
_SYSTEM_OBJECT: Final = {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "2"}
_SUCCESS: Final = {"system": f"{_TERMINOLOGY}/audit-event-outcome", "code": "0"}
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ACTS: Final[dict[Act, tuple[str, str]]] = {
    Act.START: ("110100", "E"), Act.STOP: ("110100", "E"), Act.CONFIGURE: ("110113", "U"),
    Act.LOOK: ("110110", "R"), Act.SEARCH: ("110112", "E"), Act.EXPORT: ("110106", "R"),
    Act.REDELIVER: ("110100", "E"), Act.REIDENTIFY: ("110110", "R"), Act.ERASE: ("110110", "D"),
    Act.PURGE: ("110110", "D"), Act.ROTATE: ("110113", "U"), Act.UNMERGE: ("110110", "U"),
    Act.INCIDENT: ("110113", "E"), Act.PROVE: ("110100", "E"),
}  # fmt: skip
"""Event type (DICOM PS3.16, CID 400) and action of an entry: application activity, patient record, query,
export, security alert."""
_FAILED: Final = {"refused": "4", "failed": "8"}
_AUTHOR: Final = {"system": f"{_TERMINOLOGY}/provenance-participant-type", "code": "author"}


def audit_event(version: Version, release: Release, *, observer: str) -> Resource:
    """The AuditEvent of one write, its id the write's message id. `observer` names this server."""
    what = _what(version)
    event: Resource = {"resourceType": "AuditEvent", **_named(version)}
    action: Resource = {"action": what[0].upper(), "recorded": _instant(version.at)}
    interaction = {"system": "http://hl7.org/fhir/restful-interaction", "code": what}
    agent = {"who": _client(version), "requestor": True}
    source: Resource = {"observer": {"display": observer}}
    if release == "R5":
        source["type"] = [{"coding": [_SERVER]}]
        event |= {"category": [{"coding": [_REST]}], "code": {"coding": [interaction]}, **action}
        event["outcome"] = {"code": _SUCCESS}
    else:
        source["type"] = [_SERVER]
        event |= {"type": _REST, "subtype": [interaction], **action, "outcome": "0"}
    return event | {"agent": [agent], "source": source, "entity": [_entity(version, release)]}


def entry_event(recorded: Recorded, *, observer: str) -> Resource:
    """The AuditEvent (R4) of an entry of the audit, its id the entry's number; the chain's value goes
    with it."""
    entry = recorded.entry
    code, action = _ACTS.get(entry.act, ("110100", "E"))
    who: Resource = {"identifier": {"value": entry.who}}
    if entry.role in ("client", "engine"):
        who = {"type": "Device", **who}
    agent: Resource = {"role": [{"text": entry.role}], "who": who, "requestor": True}
    if entry.why or entry.ticket:
        agent["purposeOfUse"] = [{"text": text} for text in (entry.why, entry.ticket) if text]
    said = {"act": entry.act, "outcome": entry.outcome, **entry.detail, "chain": recorded.chain.hex()}
    return {
        "resourceType": "AuditEvent",
        "id": str(recorded.id),
        "type": {"system": _DICOM, "code": code},
        "action": action,
        "recorded": _instant(entry.at),
        "outcome": _FAILED.get(entry.outcome, "0"),
        "agent": [agent],
        "source": {"observer": {"display": observer}, "type": [_SERVER]},
        "entity": [
            {
                "what": {"identifier": {"value": entry.object}},
                "type": _SYSTEM_OBJECT,
                "detail": [{"type": name, "valueString": text} for name, text in said.items() if text],
            }
        ],
    }


def provenance(version: Version) -> Resource:
    """The Provenance of one version, its id the write's message id; the same in every release."""
    operation = {
        "system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
        "code": _what(version).upper(),
    }
    return {
        "resourceType": "Provenance",
        **_named(version),
        "target": [_version(version)],
        "recorded": _instant(version.at),
        "activity": {"coding": [operation]},
        "agent": [{"type": {"coding": [_AUTHOR]}, "who": _client(version)}],
    }


def read_provenance(header: str) -> Resource:
    """What a client says about where its resource comes from (`X-Provenance`): a Provenance as JSON, at most
    16 KiB. Raises `Rejected` (400)."""
    try:
        raw = header.encode("latin-1")  # header fields travel as bytes; JSON is UTF-8
    except UnicodeEncodeError:
        raise _refused("structure", "the header is not UTF-8") from None
    if len(raw) > MAX_PROVENANCE:
        raise _refused("too-long", "a Provenance in a header has at most 16 KiB")
    try:
        found = load(raw)
    except Twice:
        raise _refused("structure", "a name stands twice in one object") from None
    if found.get("resourceType") != "Provenance":
        raise _refused("invalid", "what the header holds is no Provenance")
    return found


def _refused(code: Literal["structure", "too-long", "invalid"], text: str) -> Rejected:
    return Rejected(400, Issue(code, text, "http.X-Provenance"))


def _what(version: Version) -> _What:
    if version.deleted:
        return "delete"
    return "create" if version.version == 1 else "update"


def _named(version: Version) -> Resource:
    """The id, and when it was so: neither changes any more."""
    return {"id": str(version.message_id), "meta": {"versionId": "1", "lastUpdated": _instant(version.at)}}


def _version(version: Version) -> Resource:
    key = version.key
    return {"reference": f"{key.type}/{key.id}/_history/{version.version}"}


def _client(version: Version) -> Resource:
    return {"type": "Device", "identifier": {"value": version.client}}


def _entity(version: Version, release: Release) -> Resource:
    """The version, and what belongs to its request and is no content."""
    entity: Resource = {"what": _version(version)}
    if release != "R5":
        entity["type"] = _SYSTEM_OBJECT
    said = (("request-id", version.request_id), ("digest", version.body_hash.hex()))
    details = [
        {"type": {"text": name} if release == "R5" else name, "valueString": text}
        for name, text in said
        if text
    ]
    return entity | {"detail": details} if details else entity


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
