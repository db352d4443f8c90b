"""fhirpy as a peer: `fhirpy_peer.py CONFIG.json`. What it does and finds is written to `out`.

CONFIG: {base, token, request, charge, tag, out}: resources to create, and a word for their identifiers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import BaseFHIRError, OperationOutcome


def codes(call: Callable[[], Any]) -> list[str]:
    """The codes of the OperationOutcome that a call fails with, whatever fhirpy calls it."""
    try:
        call()
    except OperationOutcome as error:
        return [issue["code"] for issue in error.resource["issue"]]
    except BaseFHIRError as error:
        return [issue["code"] for issue in json.loads(str(error))["issue"]]
    return []


def run(config: dict[str, Any]) -> dict[str, Any]:
    """Everything that a client of a ward does in a day."""

    def client(**headers: str) -> SyncFHIRClient:
        return SyncFHIRClient(
            config["base"], authorization=f"Bearer {config['token']}", extra_headers=headers
        )

    ward, found = client(), {}

    def wanted(value: str) -> Any:
        named = {"identifier": [{"system": "urn:fhirpy", "value": f"{config['tag']}-{value}"}]}
        return ward.resource("SupplyRequest", **{**config["request"], **named})

    made = wanted("1")
    made.save()
    found["created"] = {"id": made["id"], "version": made["meta"]["versionId"]}
    again = ward.reference("SupplyRequest", made["id"]).to_resource()
    found["read"] = again.serialize()

    again["quantity"]["value"] = 3
    changed = client(**{"If-Match": 'W/"1"'}).resource("SupplyRequest", **again.serialize())
    changed.save()
    found["updated"] = changed["meta"]["versionId"]
    stale = client(**{"If-Match": 'W/"1"'}).resource("SupplyRequest", **again.serialize())
    found["stale"] = codes(stale.save)[0]

    for number in range(2, 6):
        wanted(str(number)).save()
    pages = ward.resources("SupplyRequest").search(identifier="urn:fhirpy|").limit(2)
    mine = [one for one in pages if one["identifier"][0]["value"].startswith(config["tag"])]
    found["searched"] = [one["id"] for one in mine]

    condition = {"If-None-Exist": f"identifier=urn:fhirpy|{config['tag']}-c"}
    twice = []
    for _ in range(2):
        one = client(**condition).resource("SupplyRequest", **wanted("c").serialize())
        one.save()
        twice.append(one["id"])
    found["conditional"] = twice
    search = ward.resources("SupplyRequest").search(identifier="urn:fhirpy|x")
    found["get_or_create"] = codes(lambda: search.get_or_create(wanted("x")))[0]

    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": config["entries"]}
    done = ward.execute("/", data=bundle)
    found["transaction"] = [entry["response"]["status"] for entry in done["entry"]]
    charge = done["entry"][1]["response"]["location"].split("/_history")[0].rpartition("/")[2]
    found["linked"] = ward.reference("ChargeItem", charge).to_resource().serialize()

    found["refused"] = codes(ward.resource("SupplyRequest", status="wibble").save)
    found["patched"] = codes(lambda: again.patch(status="cancelled"))
    found["unknown"] = codes(ward.reference("SupplyRequest", "none").to_resource)[0]
    return found


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    Path(given["out"]).write_text(json.dumps(run(given), default=str))
