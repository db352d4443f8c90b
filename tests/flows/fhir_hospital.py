"""The shipped channels, FHIR among them, before a real Odoo; resources are sent as an analyst would, with a
static key.

hospital = FhirHospital(folder, database); hospital.start()
written = hospital.put("SupplyRequest", {...})      # POST; the resource as it was answered
hospital.all_settled()
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from odoo_engine import SHIPPED, HospitalEngine, shipped

from demo.odoo import Running

__all__ = ["KEY", "WORKBENCH", "FhirHospital"]

KEY = "workbench-0123456789abcdef0123456789abcdef"
WORKBENCH = """
  - id: workbench
    name: An analyst with curl
    scopes: [system/*.cruds]
    key: env:WARDLINE_WORKBENCH_KEY
"""
"""The client that the manual adds to the shipped file."""


class FhirHospital(HospitalEngine):
    """All six HL7 channels and the two of FHIR."""

    def __init__(self, folder: Path, hospital: Running | None) -> None:
        names = ("supply-requests", "charge-items")
        super().__init__(folder, hospital, more=[shipped(name, {}) for name in names])
        (self.channels / "fhir").mkdir()
        text = (SHIPPED / "fhir/clients.yaml").read_text()
        (self.channels / "fhir/clients.yaml").write_text(text.rstrip("\n") + "\n" + WORKBENCH)
        self.environment |= {"WARDLINE_DEV_KEYS": "true", "WARDLINE_WORKBENCH_KEY": KEY}

    @property
    def address(self) -> str:
        """Where FHIR is spoken."""
        return f"http://127.0.0.1:{self.port('supply-requests')}"

    def ask(self, method: str, path: str, body: Any = None, *, release: str = "R4", **headers: str) -> Any:
        """One request; its answer."""
        said = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/fhir+json", **headers}
        url = f"{self.address}/fhir/{release}/{path}"
        return httpx.request(method, url, json=body, headers=said, timeout=30, trust_env=False)

    def create(self, body: dict[str, Any], release: str = "R4") -> dict[str, Any]:
        """The resource as it is stored."""
        answer = self.ask("POST", body["resourceType"], body, release=release)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def update(self, body: dict[str, Any], release: str = "R4") -> dict[str, Any]:
        """The next version of a resource."""
        answer = self.ask("PUT", f"{body['resourceType']}/{body['id']}", body, release=release)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made
