"""The words that all parts of a channel file are made of."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "NAME",
    "SEGMENT",
    "SHARE_OR_OFF",
    "SPAN_OR_OFF",
    "Expression",
    "Kind",
    "Name",
    "SegmentName",
    "Strict",
    "Template",
    "Tests",
]


class Kind(NamedTuple):
    """What a text is called where the manual says what a key holds."""

    text: str


NAME = r"^[a-z][a-z0-9-]{1,62}$"
SEGMENT = r"^[A-Z][A-Z0-9]{2}$"
SPAN_OR_OFF = r"^([1-9][0-9]{0,3}[smhd]|off)$"
SHARE_OR_OFF = r"^(100%|[0-9]{1,2}(\.[0-9]{1,2})?%|off)$"

Name = Annotated[str, StringConstraints(pattern=NAME), Kind("name")]
SegmentName = Annotated[str, StringConstraints(pattern=SEGMENT), Kind("segment id"), Field(examples=["FT1"])]
Expression = Annotated[
    str,
    StringConstraints(min_length=1, max_length=800),
    Kind("expression"),
    Field(examples=["PV1-19 or PID-18", "FT1-7.1 | lookup(items, item)"]),
]
"""`PATH | function(arguments) | …`, e.g. `FT1-7.1 | lookup(items, item)`; alternatives with `or`."""

Template = Annotated[
    str,
    StringConstraints(min_length=1, max_length=800),
    Kind("key"),
    Field(examples=["{SCH-1.1}/{AIS-1}"]),
]
"""Text with expressions in braces: `{SCH-1.1}/{AIS-1}`."""

Tests = dict[Expression, str | list[str]]
"""All must hold: an expression, and the value or the list of values it may have."""


class Strict(BaseModel):
    """Unknown keys are findings, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)
