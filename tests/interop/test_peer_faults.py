"""The file of known faults names tests that exist, and says for each what it is and what we do."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

HERE = Path(__file__).parent


def test_each_fault_is_explained_and_shown() -> None:
    tests = {
        name
        for file in HERE.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    faults = yaml.safe_load((HERE / "peer_faults.yaml").read_text())
    hl7 = {"python-hl7", "node-hl7-client", "node-hl7-server", "hl7apy"}
    assert set(faults) == {*hl7, "fhirpy", "fhirclient"}
    for entry in (entry for entries in faults.values() for entry in entries):
        assert set(entry) == {"fault", "ours", "test"}
        assert entry["fault"].endswith(".")
        assert entry["ours"].endswith(".")
        assert entry["test"] in tests | {""}, entry["test"]
