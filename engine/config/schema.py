"""The published schemas: of channel files (for editors) and of the canonical effects."""

from __future__ import annotations

import json
from typing import Any

from engine.config.spec import ChannelSpec
from engine.effects import schema as effects_schema

__all__ = ["CHANNEL_SCHEMA", "EFFECTS_SCHEMA", "channel_schema", "published"]

CHANNEL_SCHEMA = "channels/channel.schema.json"
EFFECTS_SCHEMA = "docs/effects.schema.json"


def channel_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a channel file, as an editor sees it.

    Editors read `2.5` as a number and `true` as a truth value where we read text, so wherever a text
    may stand they are told to let those pass."""
    schema = _as_editors_read(ChannelSpec.model_json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Wardline channel",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def published() -> dict[str, str]:
    """The schema files by their path from the project's root, as they should be."""
    effects = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Canonical effects",
        **effects_schema(),
    }
    return {CHANNEL_SCHEMA: _text(channel_schema()), EFFECTS_SCHEMA: _text(effects)}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _as_editors_read(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_editors_read(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: _as_editors_read(part) for key, part in node.items() if not _is_noise(key, part)}
    if node.get("type") == "string" and "pattern" not in node:
        node["type"] = ["string", "number", "boolean"]
    elif node.get("type") == "boolean":
        del node["type"]
        node["enum"] = [True, False, "yes", "no"]
    return node


def _is_noise(key: str, part: Any) -> bool:
    """Titles that pydantic derives from the keys."""
    return key == "title" and isinstance(part, str)
