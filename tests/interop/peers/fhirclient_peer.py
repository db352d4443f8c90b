"""SMART's fhirclient, with R4's models, as a peer: `fhirclient_peer.py CONFIG.json`, as `fhirpy_peer.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.chargeitem import ChargeItem
from fhirclient.models.supplyrequest import SupplyRequest
from fhirclient.server import FHIRNotFoundException


def run(config: dict[str, Any]) -> dict[str, Any]:
    """Everything that a client of a ward does in a day."""
    server = FHIRClient(settings={"app_id": "ward", "api_base": config["base"]}).server
    server.session.headers["Authorization"] = f"Bearer {config['token']}"
    server.prepare()
    found: dict[str, Any] = {"version": server.capabilityStatement.fhirVersion}

    def wanted(value: str) -> SupplyRequest:
        named = {"identifier": [{"system": "urn:fhirclient", "value": f"{config['tag']}-{value}"}]}
        return SupplyRequest({**config["request"], **named})

    def sent(one: SupplyRequest, **headers: str) -> Any:
        """Created or updated with more headers than it has words for."""
        server.session.headers.update(headers)
        try:
            return one.update(server) if one.id else one.create(server)
        finally:
            for name in headers:
                del server.session.headers[name]

    made = sent(wanted("1"))
    found["created"] = {"id": made["id"], "version": made["meta"]["versionId"]}
    again = SupplyRequest.read(made["id"], server)
    found["read"] = again.as_json()
    again.quantity.value = 3
    found["updated"] = sent(again, **{"If-Match": 'W/"1"'})["meta"]["versionId"]
    try:
        sent(again, **{"If-Match": 'W/"1"'})
    except requests.HTTPError as error:
        found["stale"] = error.response.json()["issue"][0]["code"]

    for number in range(2, 6):
        sent(wanted(str(number)))
    search = SupplyRequest.where({"identifier": "urn:fhirclient|", "_count": "2"})
    mine = [one for one in search.perform_resources_iter(server)]
    tagged = [one for one in mine if one.identifier[0].value.startswith(config["tag"])]
    found["searched"] = [one.id for one in tagged]

    condition = {"If-None-Exist": f"identifier=urn:fhirclient|{config['tag']}-c"}
    found["conditional"] = [sent(wanted("c"), **condition)["id"] for _ in range(2)]

    bundle = Bundle({"resourceType": "Bundle", "type": "transaction", "entry": config["entries"]})
    done = Bundle(bundle.create(server))
    found["transaction"] = [entry.response.status for entry in done.entry]
    charge = done.entry[1].response.location.split("/_history")[0].rpartition("/")[2]
    found["linked"] = ChargeItem.read(charge, server).as_json()

    bad = wanted("bad")
    bad.status = "wibble"
    try:
        sent(bad)
    except requests.HTTPError as error:
        found["refused"] = [issue["code"] for issue in error.response.json()["issue"]]
    try:
        SupplyRequest.read("none", server)
    except FHIRNotFoundException as error:
        found["unknown"] = error.response.json()["issue"][0]["code"]
    return found


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    Path(given["out"]).write_text(json.dumps(run(given), default=str))
