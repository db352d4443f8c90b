"""What a test file beside a channel may hold: messages, cases, expectations.

A message of HL7 v2 is text; a resource of FHIR is JSON as text, or written out in YAML.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from engine.config.cases.rehearsed import State
from engine.config.spec import Strict
from engine.fhir.releases import Release
from engine.model import ReasonCode

__all__ = [
    "CASES_SUFFIX",
    "Case",
    "CaseFile",
    "CaseTable",
    "ExpectedReason",
    "Expectation",
    "Sent",
    "Variant",
]

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
    answer: dict[str, str] = Field(
        {},
        description="Places of the answer: `{MSA-1: AE, ERR-3.1: '103'}`; empty: nothing there. Of FHIR, of "
        "the resource that is answered.",
    )
    effects: list[dict[str, dict[str, Any]]] | None = Field(
        None, description="Each as in the channel file: `charge: {key: …}`; all of them, field by field."
    )
    effects_include: list[dict[str, dict[str, Any]]] = Field(
        [],
        description="Effects that are among them, and only the fields that are given here: "
        "`charge: {item: {code: GLV-M}}`.",
    )
    makes: list[str] | None = Field(
        None, description="The kinds of all effects, in order: `[charge, consume]`."
    )
    no_effects: bool = Field(False, description="Nothing comes of it: filtered, refused or empty.")
    sequence_key: str | None = Field(None, description="What `sequence_by` gave.")
    warnings: list[str] | None = Field(None, description="All warnings: `amount-differs at FT1[1]-11`.")
    never_contains: list[Text] = Field([], description="Texts that may stand nowhere in what goes out.")


_NOTHING = Expectation.model_validate({})

Rows = Annotated[list[dict[str, str]], Field(min_length=1)]
"""Column → cell, for each row."""


class Sent(Strict):
    """A message, as it is or with changes."""

    message: Message | None = Field(None, description="The message, or the name of one of `messages`.")
    file: Text | None = Field(None, description="A file that holds the message, relative to this one.")
    overrides: dict[str, str | dict[str, Any] | list[Any]] = Field(
        {}, alias="with", description="Field path → what stands there instead."
    )
    without: list[str] = Field([], description="Segments to leave out; of FHIR, elements.")
    add: list[Text] | dict[str, list[Text]] = Field(
        [],
        description="Of HL7 v2: segments that come after all others, or after the one that is named: "
        "`{FT1: ['NTE|1||late']}`. An id alone, `FT1[1]`, repeats that segment.",
    )
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
    tables: dict[str, dict[str, dict[str, str]]] = Field(
        {},
        description="Table → code → column → cell: rows that the channel's tables have here besides, or "
        "otherwise.",
    )
    expect: Expectation = Field(_NOTHING, description="What becomes of the message.")


class Variant(Strict):
    """One of several cases that are alike: what is said here goes before what the case says."""

    name: Text = Field(description="What this one shows; shown after the case's own name.")
    message: Message | None = Field(None, description="Instead of the case's.")
    overrides: dict[str, str | dict[str, Any] | list[Any]] = Field(
        {}, alias="with", description="Besides those of the case."
    )
    without: list[str] = Field([], description="Instead of the case's.")
    add: list[Text] | dict[str, list[Text]] = Field([], description="Instead of the case's.")
    after: list[Text | Sent] = Field([], description="Instead of the case's.")
    links: list[Text | Sent] = Field([], description="Instead of the case's.")
    expect: Expectation = Field(_NOTHING, description="Besides what the case expects.")


class CaseTable(Case):
    """A case as a test file writes it: one, or one for each row of a table, or one for each variant."""

    rows: Text | Rows | None = Field(
        None,
        description="A table, one case for each row: CSV whose first line names the columns, a list of "
        "mappings, or the name of a CSV file beside this one. `{column}` stands for the cell anywhere in "
        "the case.",
    )
    each: list[Variant] = Field([], description="Cases that are alike, one for each entry.")


class Equivalent(Strict):
    """Changes that no case can notice because nothing changes (`wardline test --mutate`)."""

    line: Text = Field(description="The line of the file, or enough of it; every line that holds this text.")
    change: list[Text] | Text = Field(
        description="The changes as they are reported: `test of AIS-2 dropped`."
    )
    reason: str = Field(min_length=10, description="Why it comes to the same.")
    file: Text | None = Field(None, description="A table of the channel, relative to this file; default: it.")


class CaseFile(Strict):
    """A test file."""

    equivalent: list[Equivalent] = Field(
        [], description="Changes of the channel file that make no difference, each with a reason."
    )

    messages: dict[str, Message] = Field({}, description="Messages that several cases start from.")
    cases: list[CaseTable] = Field(min_length=1, description="What is sent, and what becomes of it.")
