"""The published schemas: of the files that people write (for their editors) and of the canonical effects."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from engine.config.cases.comparing import FIELDS
from engine.config.cases.files import CaseFile
from engine.config.cases.sites import SiteCaseFile
from engine.config.spec import ChannelSpec
from engine.config.spec.clients import ClientsSpec
from engine.config.spec.sites import SiteSpec
from engine.config.spec.tables import TableSpec
from engine.effects import schema as effects_schema

__all__ = ["CHANNEL_SCHEMA", "EFFECTS_SCHEMA", "channel_schema", "published"]

CHANNEL_SCHEMA = "channels/channel.schema.json"
EFFECTS_SCHEMA = "docs/effects.schema.json"
_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}

Schema = dict[str, Any]


def channel_schema() -> Schema:
    """JSON Schema (2020-12) of a channel file, as an editor sees it."""
    return _for_editors(ChannelSpec, "A Wardline channel")


def published() -> dict[str, str]:
    """The schema files by their path from the project's root, as they should be."""
    effects = {**_DIALECT, "title": "Canonical effects", **effects_schema()}
    schemas = {
        CHANNEL_SCHEMA: channel_schema(),
        "channels/test.schema.json": _cases_schema(CaseFile, "Cases of a Wardline channel"),
        "channels/site-test.schema.json": _cases_schema(SiteCaseFile, "Cases of a site of Wardline"),
        "channels/table.schema.json": _for_editors(TableSpec, "A table of Wardline"),
        "channels/site.schema.json": _site_schema(),
        "channels/clients.schema.json": _for_editors(ClientsSpec, "Clients of a FHIR door"),
        EFFECTS_SCHEMA: effects,
    }
    return {path: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for path, schema in schemas.items()}


def _cases_schema(model: type[BaseModel], title: str) -> Schema:
    """Of a test file, with the effects' own words and fields."""
    schema = _for_editors(model, title)
    effects = {
        word: {"type": "object", "properties": {name: {} for name in names}, "additionalProperties": False}
        for word, names in FIELDS.items()
    }
    cell = {r"^\{[^{}]+\}$": {"type": "object"}}  # of a table of cases: the row says which effect
    one = {"type": "object", "properties": effects, "additionalProperties": False, "minProperties": 1}
    one["patternProperties"] = cell
    schema["$defs"]["Effect"] = {**one, "maxProperties": 1}
    expected = schema["$defs"]["Expectation"]["properties"]
    expected["effects_include"]["items"] = {"$ref": "#/$defs/Effect"}
    for choice in expected["effects"]["anyOf"]:
        if choice.get("type") == "array":
            choice["items"] = {"$ref": "#/$defs/Effect"}
    return schema


def _site_schema() -> Schema:
    """Of a site: what is laid over channels has their shape, and says as little as it wants."""
    schema, channel = _for_editors(SiteSpec, "A site of Wardline"), _partial(channel_schema())
    parts = channel.pop("$defs")
    for name in ("title", "$schema"):
        channel.pop(name, None)
    schema.setdefault("$defs", {}).update({**parts, "Channel": channel})
    part = {"$ref": "#/$defs/Channel"}
    schema["properties"]["all"].update(part)
    schema["properties"]["all"].pop("additionalProperties", None)
    named = schema["properties"]["channels"]["patternProperties"]
    named.update(dict.fromkeys(named, part))
    return schema


def _partial(node: Any) -> Any:
    """A schema of which nothing has to be there."""
    if isinstance(node, list):
        return [_partial(part) for part in node]
    if not isinstance(node, dict):
        return node
    left_out = ("required",) if isinstance(node.get("required"), list) else ()
    return {key: _partial(part) for key, part in node.items() if key not in left_out}


def _for_editors(model: type[BaseModel], title: str) -> Schema:
    """The schema of a model. Editors read `2.5` as a number and `true` as a truth value where we read text,
    so where a text may stand they are told to let those pass."""
    schema = _as_editors_read(model.model_json_schema())
    return {**_DIALECT, "title": title, **{key: part for key, part in schema.items() if key != "title"}}


def _as_editors_read(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_editors_read(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: _as_editors_read(part) for key, part in node.items() if not _is_noise(key, part)}
    if node.get("type") == "string" and "pattern" not in node and "enum" not in node:
        node["type"] = ["string", "number", "boolean"]
    elif node.get("type") == "boolean":
        del node["type"]
        node["enum"] = [True, False, "yes", "no"]
    if isinstance(node.get("description"), str):
        node["markdownDescription"] = node["description"]
    return node


def _is_noise(key: str, part: Any) -> bool:
    """Titles that pydantic derives from the keys."""
    return key == "title" and isinstance(part, str)
