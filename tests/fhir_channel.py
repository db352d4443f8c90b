"""A small FHIR channel for tests, and resources as they are stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.config.loading import LoadedChannel, load_channel
from engine.fhir.stored import Stored, pack
from engine.model import Arrival
from engine.resources import ResourceKey, Unit, Write

__all__ = ["CHANNEL", "CLIENTS", "channel_in", "packed", "unit"]

CHANNEL = """\
channel: supply
description: Requests hold stock, deliveries take it, charges are billed.
owner: {business: stores@hospital.example, technical: interfaces@hospital.example}
source:
  fhir:
    listen: tcp:8480
    resources:
      SupplyRequest: [create, read, update, search]
      SupplyDelivery: [create, read, update]
      ChargeItem: [create, read, update, search]
      Patient: [create, read]
      Encounter: [create, read]
      Medication: [create, read]
    clients: clients.yaml
systems: {items: 'urn:i'}
authorities: {HOSP: ['urn:oid:1.2.3', 'GENERAL']}
sequence_by: SupplyRequest.id or SupplyDelivery.basedOn[SupplyRequest] or ChargeItem.subject or Patient.id
effects:
  - name: wanted
    when: {SupplyRequest.status: active}
    reserve:
      key: "{SupplyRequest.id}"
      item: SupplyRequest.itemCodeableConcept[items] or SupplyRequest.itemReference->Medication.code
      quantity: SupplyRequest.quantity
      unit: SupplyRequest.quantity.code
      destination: SupplyRequest.deliverTo[Location]
      needed_at: SupplyRequest.occurrenceDateTime
  - name: not wanted
    when: {SupplyRequest.status: [cancelled, entered-in-error]}
    release: {key: "{SupplyRequest.id}", when_unknown: ignore}
  - name: used
    for_each: SupplyDelivery.suppliedItem
    when: {SupplyDelivery.status: completed, SupplyDelivery.suppliedItem.quantity | sign: positive}
    consume:
      key: "{SupplyDelivery.id}/{SupplyDelivery.suppliedItem.itemCodeableConcept}"
      item: SupplyDelivery.suppliedItem.itemCodeableConcept
      quantity: SupplyDelivery.suppliedItem.quantity
      location: SupplyDelivery.destination
  - name: billed
    when: {ChargeItem.status: billable}
    charge:
      key: "{ChargeItem.id}"
      encounter: ChargeItem.context or ChargeItem.encounter
      subject: ChargeItem.subject or ChargeItem.context->Encounter.subject
      item: ChargeItem.code
      quantity: ChargeItem.quantity
      price: ChargeItem.priceOverride
      date: ChargeItem.occurrenceDateTime
  - name: merged
    for_each: Patient.link
    when: {Patient.link.type: replaced-by}
    merge: {kind: person, gone: Patient.identifier, into: Patient.link.other}
destinations: [{ledger: {path: ledger.jsonl}}]
"""

CLIENTS = """\
clients:
  - id: ehr
    scopes: [system/*.cruds]
    jwks: https://ehr.example/jwks.json
"""


def channel_in(folder: Path, text: str = CHANNEL) -> LoadedChannel:
    """The channel, loaded from a file in `folder`."""
    path = folder / "supply.yaml"
    path.write_text(text)
    (folder / "clients.yaml").write_text(CLIENTS)
    return load_channel(path)


def packed(
    type_: str,
    id_: str,
    body: dict[str, Any],
    *,
    release: Any = "R4",
    version: int = 1,
    deleted: bool = False,
) -> bytes:
    """A version as it is stored."""
    said = {"resourceType": type_, "id": id_, **body}
    return pack(Stored(release, type_, id_, version, deleted, json.dumps(said).encode()))


def unit(
    name: str, *writes: tuple[str, str, dict[str, Any]], version: int = 1, deleted: bool = False
) -> Unit:
    """Writes of type, id and body that are done together."""
    return Unit(
        name,
        tuple(
            Write(
                Arrival(
                    "supply",
                    packed(type_, id_, body, version=version, deleted=deleted),
                    f"{type_}/{id_}/{version}".encode()[:16].ljust(16, b"."),
                    f"{name}{at}".encode()[:16].ljust(16, b"."),
                    100.0,
                ),
                ResourceKey("R4", type_, id_),
                version,
                deleted=deleted,
            )
            for at, (type_, id_, body) in enumerate(writes)
        ),
    )
