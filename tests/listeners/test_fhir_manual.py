"""The page about the FHIR door says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fhir_door import open_door

from engine.fhir.parameters import parameters_of

PAGE = (Path(__file__).parents[2] / "docs" / "manual" / "fhir-http.md").read_text()


def test_search_parameters_are_those_of_the_page() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (`identifier`.*) \|$", PAGE, re.MULTILINE))
    assert len(rows) == 15
    for type_, text in rows.items():
        said = set(re.findall(r"`([a-z-]+)`", text))
        assert said == set(parameters_of("R4", type_)), type_
        assert said - {"context"} == set(parameters_of("R5", type_)) - {"context"}


def test_the_example_works_as_printed(tmp_path: Path) -> None:
    found = re.search(r"```json\n(\{\n.*?\n\})\n```", PAGE, re.DOTALL)
    assert found
    body = json.loads(found[1])
    with open_door(tmp_path) as door, door.client() as client:
        condition = {"If-None-Exist": "identifier=urn:ward|A1"}
        assert client.post("/SupplyRequest", json=body, headers=condition).status_code == 201
        assert client.post("/SupplyRequest", json=body, headers=condition).status_code == 200
        assert client.get("/SupplyRequest?identifier=urn:ward|A1").json()["total"] == 1


def test_words_of_the_outcome_are_those_of_the_page() -> None:
    from engine.listeners.fhir import progress

    words = {*progress._WORDS.values(), "pending", "short", "refused", "done"}
    assert all(f"`{word}`" in PAGE for word in words)
