"""What a test file beside a channel may hold: messages, cases, expectations.

A message of HL7 v2 is text; a resource of FHIR is JSON as text, or written out in YAML.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from engine.config.rehearsed import State
from engine.config.spec import Strict
from engine.fhir.releases import Release
from engine.model import ReasonCode

__all__ = ["CASES_SUFFIX", "Case", "CaseFile", "ExpectedReason", "Expectation", "Sent"]

CASES_SUFFIX = ".test.yaml"

Text = Annotated[str, StringConstraints(min_length=1)]
Message = Text | dict[str, Any]
Answer = Literal[
    "AA", "AE", "AR", "CA", "CE", "CR", "none",
    "200", "201", "204", "400", "404", "405", "410", "422",
]  # fmt: skip


class ExpectedReason(Strict):
    """Why not, in the closed words of the engine."""

    code: ReasonCode = Field(
        description="The engine's word for it, such as `unmapped-code` or `missing-field`."
    )
    place: str | None = Field(None, description="`FT1[2]-7.1`; not looked at when it is left out.")


class Expectation(Strict):
    """What a case expects. What is left out is not looked at, except that a message that is not
    said to be refused or filtered must not be."""

    acknowledgement: Answer | None = Field(None, description="MSA-1, or none; of FHIR, the status.")
    state: State | None = Field(
        None, description="`effects`, `filtered`, `fragment`, `dead`, `quarantined` or `refused`."
    )
    step: str | None = Field(None, description="The step that filtered the message.")
    reason: ExpectedReason | None = Field(
        None, description="Why it became a dead letter or was answered with an error."
    )
    effects: list[dict[str, dict[str, Any]]] | None = Field(
        None, description="Each as in the channel file: `charge: {key: …}`; all of them, field by field."
    )
    sequence_key: str | None = Field(None, description="What `sequence_by` gave.")
    warnings: list[str] | None = Field(None, description="All warnings: `amount-differs at FT1[1]-11`.")
    never_contains: list[Text] = Field([], description="Texts that may stand nowhere in what goes out.")


class Sent(Strict):
    """A message, as it is or with changes."""

    message: Message | None = Field(None, description="The message, or the name of one of `messages`.")
    file: Text | None = Field(None, description="A file that holds the message, relative to this one.")
    overrides: dict[str, str | dict[str, Any] | list[Any]] = Field(
        {}, alias="with", description="Field path → what stands there instead."
    )
    without: list[str] = Field([], description="Segments to leave out; of FHIR, elements.")
    release: Release | None = Field(None, description="Of FHIR; default: the channel's first.")
    deleted: bool = Field(False, description="Of FHIR: the resource is deleted.")


class Case(Sent):
    """One message and what becomes of it."""

    name: Text = Field(description="What the case shows, in a sentence.")
    after: list[Text | Sent] = Field(
        [], description="What was sent before, in that order: names of `messages`, or messages with changes."
    )
    links: list[Text | Sent] = Field(
        [], description="Of FHIR: resources that are there, to be referred to; written as in `after`."
    )
    expect: Expectation = Field(description="What becomes of the message.")


class CaseFile(Strict):
    """A test file."""

    messages: dict[str, Message] = Field({}, description="Messages that several cases start from.")
    cases: list[Case] = Field(min_length=1, description="What is sent, and what becomes of it.")
