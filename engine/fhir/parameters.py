"""Which search parameters each type has, and where in a resource they look (FHIR R4, R4B, R5: those of
the standard, and a few of ours that interfaces need: `deliver-to`, `based-on`, `status` of a ChargeItem)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, NamedTuple

from engine.fhir.releases import Release

__all__ = ["COMMON", "NAMES", "Kind", "Param", "parameters_of", "paths_of"]

Kind = Literal["token", "reference", "date"]


class Param(NamedTuple):
    """`paths` are elements below the type, joined by dots: what stands in any of them is found; `target`
    narrows references to one type."""

    kind: Kind
    paths: tuple[str, ...]
    target: str = ""


COMMON: Final[dict[str, Kind]] = {"_id": "token", "_lastUpdated": "date"}
"""Those of every type, answered by the store itself."""

_IDENTIFIER: Final = {"identifier": Param("token", ("identifier",))}
_STATUS: Final = {"status": Param("token", ("status",))}
_CODE: Final = {"code": Param("token", ("code",))}


def _references(*names: str, **paths: str) -> dict[str, Param]:
    found = {name: Param("reference", (name,)) for name in names}
    found.update({name.replace("_", "-"): Param("reference", (path,)) for name, path in paths.items()})
    return found


_SUBJECT: Final = {
    "subject": Param("reference", ("subject",)),
    "patient": Param("reference", ("subject",), "Patient"),
}
_OCCURRENCE: Final = Param("date", ("occurrenceDateTime", "occurrencePeriod"))

_TYPES: Final[dict[str, dict[str, Param]]] = {
    "SupplyRequest": {
        **_IDENTIFIER, **_STATUS, "category": Param("token", ("category",)),
        "date": Param("date", ("authoredOn",)),
        **_references("requester", "supplier", subject="deliverTo", deliver_to="deliverTo"),
        "patient": Param("reference", ("deliverTo", "deliverFor"), "Patient"),
    },
    "ChargeItem": {
        **_IDENTIFIER, **_STATUS, **_CODE, **_SUBJECT, "occurrence": _OCCURRENCE,
        "context": Param("reference", ("context", "encounter")),
        "encounter": Param("reference", ("context", "encounter"), "Encounter"),
        "entered-date": Param("date", ("enteredDate",)),
        "service": Param("reference", ("service",)),
        **_references(
            "account", "enterer", performer_actor="performer.actor",
            performing_organization="performingOrganization",
            requesting_organization="requestingOrganization",
        ),
    },
    "SupplyDelivery": {
        **_IDENTIFIER, **_STATUS, **_references("patient", "receiver", "supplier", based_on="basedOn"),
    },
    "Encounter": {
        **_IDENTIFIER, **_STATUS, **_SUBJECT, "class": Param("token", ("class",)),
        **_references(location="location.location"),
        "date": Param("date", ("period", "actualPeriod")),
    },
    "Appointment": {
        **_IDENTIFIER, **_STATUS, "date": Param("date", ("start",)),
        **_references(actor="participant.actor"),
        "patient": Param("reference", ("participant.actor", "subject"), "Patient"),
    },
    "Patient": {**_IDENTIFIER, **_references(organization="managingOrganization")},
    "Location": {
        **_IDENTIFIER, **_STATUS, "type": Param("token", ("type",)),
        **_references(partof="partOf", organization="managingOrganization"),
    },
    "Device": {**_IDENTIFIER, **_STATUS, "type": Param("token", ("type",))},
    "DeviceDefinition": {**_IDENTIFIER, "type": Param("token", ("type", "classification.type"))},
    "Medication": {**_IDENTIFIER, **_STATUS, **_CODE},
    "Substance": {**_IDENTIFIER, **_STATUS, "code": Param("token", ("code", "code.concept"))},
    "Account": {**_IDENTIFIER, **_STATUS, **_SUBJECT},
    "InventoryItem": {**_IDENTIFIER, **_STATUS, **_CODE},
    "Provenance": {"target": Param("reference", ("target",))},
    "Organization": {**_IDENTIFIER, "type": Param("token", ("type",)), **_references(partof="partOf")},
}  # fmt: skip

NAMES: Final = frozenset(name for found in _TYPES.values() for name in found)
"""Every search parameter that some type has."""


@cache
def paths_of(release: Release, type_: str) -> Mapping[str, Kind]:
    """The elements of a type that something is found by: several parameters may look into one."""
    found = parameters_of(release, type_)
    return {path: param.kind for param in found.values() for path in param.paths}


def parameters_of(release: Release, type_: str) -> dict[str, Param]:
    """The search parameters of a type, by name, without the common ones."""
    found = _TYPES.get(type_, _IDENTIFIER)
    if type_ == "ChargeItem" and release == "R5":
        return {name: param for name, param in found.items() if name != "context"}
    return found
