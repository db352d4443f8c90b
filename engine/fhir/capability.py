"""What this server says that it can do: a CapabilityStatement of exactly what is switched on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from engine.fhir.parameters import COMMON, parameters_of
from engine.fhir.releases import VERSIONS, Release

__all__ = ["capability_statement"]

SECURITY: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"

_INTERACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "create": ("create",), "read": ("read", "vread"), "update": ("update",), "patch": ("patch",),
    "delete": ("delete",), "search": ("search-type",), "history": ("history-instance", "history-type"),
}  # fmt: skip

_MADE_HERE: Final[dict[str, dict[str, str]]] = {
    "AuditEvent": {"entity": "reference"},
    "Provenance": {"target": "reference"},
    "Task": {"_id": "token", "focus": "reference"},
}
"""Types that this server makes itself, as they are asked for, with what they are found by."""


def capability_statement(
    release: Release,
    resources: Mapping[str, Collection[str]],
    *,
    base: str,
    date: str,
    version: str,
    forms: Collection[str],
) -> dict[str, Any]:
    """A statement of kind `instance`: `resources` are the types with what clients may do (`create`, `read`,
    `update`, `patch`, `delete`, `search`, `history`), `date` is when that became so, `base` the
    server's address, `forms` the MIME types."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "publisher": "Wardline",
        "kind": "instance",
        "software": {"name": "Wardline", "version": version},
        "implementation": {"description": "Wardline FHIR listener", "url": base},
        "fhirVersion": VERSIONS[release],
        "format": list(forms),
        "patchFormat": ["application/json-patch+json"],
        "rest": [_rest(release, resources)],
    }


def _rest(release: Release, resources: Mapping[str, Collection[str]]) -> dict[str, Any]:
    return {
        "mode": "server",
        "security": {
            "cors": False,
            "service": [{"coding": [{"system": SECURITY, "code": "SMART-on-FHIR"}]}],
            "description": "SMART Backend Services: see .well-known/smart-configuration",
        },
        "resource": [_resource(release, type_, allowed) for type_, allowed in sorted(resources.items())],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
        "operation": [
            {
                "name": "process-message",
                "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
            },
        ],
    }


def _made_here(type_: str, allowed: Collection[str]) -> dict[str, Any]:
    codes = [code for code, name in (("read", "read"), ("search-type", "search")) if name in allowed]
    return {
        "type": type_,
        "interaction": [{"code": code} for code in codes],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": kind} for name, kind in _MADE_HERE[type_].items()],
    }


def _resource(release: Release, type_: str, allowed: Collection[str]) -> dict[str, Any]:
    if type_ in _MADE_HERE:
        return _made_here(type_, allowed)
    codes = [code for name, found in _INTERACTIONS.items() if name in allowed for code in found]
    statement: dict[str, Any] = {
        "type": type_,
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned-update" if "update" in allowed else "versioned",
        "readHistory": "read" in allowed,
        "updateCreate": False,
        "conditionalCreate": "create" in allowed,
        "conditionalRead": "full-support" if "read" in allowed else "not-supported",
        "conditionalUpdate": "update" in allowed,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical", "local"],
    }
    if "search" in allowed:
        kinds = {**COMMON, **{name: param.kind for name, param in parameters_of(release, type_).items()}}
        statement["searchParam"] = [{"name": name, "type": kind} for name, kind in sorted(kinds.items())]
    if {"create", "update"} & set(allowed):
        statement["operation"] = [
            {"name": "validate", "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate"}
        ]
    return statement
