"""`wardline api openapi`: what programs are written against."""

from __future__ import annotations

import json

from openapi_spec_validator import OpenAPIV31SpecValidator
from typer.testing import CliRunner

from engine.cli.api import api
from engine.operations.every import OPERATIONS


def test_it_prints_the_description() -> None:
    said = CliRunner().invoke(api, ["openapi"])
    assert said.exit_code == 0
    described = json.loads(said.stdout)
    OpenAPIV31SpecValidator(described).validate()
    assert sum(len(path) for path in described["paths"].values()) == len(OPERATIONS)
