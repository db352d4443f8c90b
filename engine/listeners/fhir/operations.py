"""Operations: `$validate` (operations, resource-validate) and `$process-message` (messaging.html)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from engine.fhir import json_text, outcome, validation
from engine.fhir.bundle import Entry, bounded
from engine.fhir.issues import Issue, Rejected
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.rendering import instant
from engine.listeners.fhir.transactions import transact

__all__ = ["process_message", "validate"]


async def validate(ask: Ask) -> Answer:
    """What a create or update would say of a resource, without doing it: 200 with what was found."""
    resource = ask.body
    if resource.get("resourceType") == "Parameters":
        resource = _parameter(resource)
    type_ = str(resource.get("resourceType", ""))
    if ask.type and type_ != ask.type:
        raise Rejected(400, Issue("invalid", "the resourceType must be that of the address", "resourceType"))
    ask.service.offered(ask.release, type_)
    if not (ask.caller.may(type_, "create") or ask.caller.may(type_, "update")):
        ask.must("create", type_=type_)
    issues = await ask.apart(ask.size, validation.check, resource, ask.release, type_)
    said = issues or [Issue("informational", "nothing was found wrong", severity="information")]
    return Answer(200, outcome.operation_outcome(said))


def _parameter(parameters: dict[str, Any]) -> dict[str, Any]:
    given = parameters.get("parameter")
    for parameter in given if isinstance(given, list) else ():
        if isinstance(parameter, dict) and parameter.get("name") == "resource":
            resource = parameter.get("resource")
            if isinstance(resource, dict):
                return resource
    raise Rejected(400, Issue("required", "Parameters need one named resource", "Parameters.parameter"))


async def process_message(ask: Ask) -> Answer:
    """Take a message: its resources of types that are served here are written together, each created or,
    where its identifier is here already, updated. So the same message may come again."""
    bundle = ask.body
    header = _header(ask, bundle)
    asks = [
        _entry(ask, number, entry)
        for number, entry in enumerate(bundle["entry"])
        if number and _served(ask, entry.get("resource"))
    ]
    if not asks:
        raise Rejected(
            422, Issue("business-rule", "the message holds nothing that is served here", "Bundle.entry")
        )
    answers, _ = await transact(ask, asks)
    return Answer(200, _response(ask, header, [done.location for done in answers]))


def _header(ask: Ask, bundle: dict[str, Any]) -> dict[str, Any]:
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise Rejected(400, Issue("invalid", "only a Bundle of type message can be processed", "Bundle.type"))
    bounded(bundle, ask.service.limits.entries)
    errors = _errors(validation.check(bundle, ask.release, "Bundle"))
    if errors:
        raise Rejected(validation.status_of(errors), *errors)
    entries = bundle.get("entry", [])
    header = entries[0].get("resource") if entries and isinstance(entries[0], dict) else None
    if not isinstance(header, dict) or header.get("resourceType") != "MessageHeader":
        raise Rejected(
            400, Issue("required", "the first entry of a message is its MessageHeader", "Bundle.entry[0]")
        )
    errors = _errors(validation.check(header, ask.release, "MessageHeader", at="Bundle.entry[0].resource"))
    if errors:
        raise Rejected(validation.status_of(errors), *errors)
    return header


def _errors(issues: list[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.severity in ("error", "fatal")]


def _served(ask: Ask, resource: Any) -> bool:
    return (
        isinstance(resource, dict)
        and ask.service.offer(ask.release, str(resource.get("resourceType"))) is not None
    )


def _entry(ask: Ask, number: int, entry: dict[str, Any]) -> tuple[Entry, Ask]:
    resource = entry["resource"]
    place = f"Bundle.entry[{number}].resource"
    errors = _errors(validation.check(resource, ask.release, at=place, conditional=True))
    if errors:
        raise Rejected(validation.status_of(errors), *errors)
    identifier = next(
        (one for one in resource.get("identifier", []) if one.get("system") and one.get("value")), None
    )
    if identifier is None:
        raise Rejected(
            422,
            Issue(
                "business-rule",
                "in a message every resource needs an identifier with its system",
                f"{place}.identifier",
            ),
        )
    escaped = [_escape(identifier[name]) for name in ("system", "value")]
    asked = replace(
        ask,
        interaction="conditional-update", type=resource["resourceType"], new_id=ask.service.new_id(),
        query=(("identifier", "|".join(escaped)),), conditions={}, place=place,
        body={name: value for name, value in resource.items() if name != "id"},
        body_hash=ask.service.doors.keys.digest(json_text.dump(resource)),
    )  # fmt: skip
    known = Entry(number, "PUT", "", asked.body, str(entry.get("fullUrl", "")), {})
    return known, asked


def _escape(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


def _response(ask: Ask, header: dict[str, Any], locations: list[str]) -> dict[str, Any]:
    """A message whose header says that the other one was taken, and where its resources are now."""
    source: dict[str, Any] = {"name": "Wardline"}
    source["endpointUrl" if ask.release == "R5" else "endpoint"] = ask.base
    event = {name: value for name, value in header.items() if name.startswith("event")}
    reply = {
        "resourceType": "MessageHeader",
        "id": ask.service.new_id(),
        **event,
        "source": source,
        "response": {"identifier": _identifier(ask, header), "code": "ok"},
        "focus": [{"reference": location.partition("/_history/")[0]} for location in locations],
    }
    full_url = f"urn:uuid:{reply['id']}"
    return {
        "resourceType": "Bundle",
        "type": "message",
        "timestamp": instant(ask.service.clock()),
        "entry": [{"fullUrl": full_url, "resource": reply}],
    }


def _identifier(ask: Ask, header: dict[str, Any]) -> Any:
    """The id of the message that is answered: an id before R5, an Identifier in R5."""
    id_ = header.get("id", ask.request_id)
    return {"value": id_} if ask.release == "R5" else id_
