"""One channel file: its top, its steps, and everything beneath."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.config.spec.about import AboutSpec
from engine.config.spec.alerts import AlertsSpec, ExpectText
from engine.config.spec.destinations import DestinationSpec
from engine.config.spec.privacy import PrivacySpec
from engine.config.spec.retention import RetentionSpec
from engine.config.spec.rules import EffectRule
from engine.config.spec.sources import SourceSpec
from engine.config.spec.values import Value
from engine.config.spec.words import Expression, Name, Strict, Tests

__all__ = ["ChannelSpec", "CourseSpec", "FilterRule", "Owners", "ScheduleSpec", "WarningRule", "WidenSpec"]


class Owners(Strict):
    """Who answers for the channel: addresses shown with its dead letters."""

    business: str = Field(description="Who answers for codes, amounts and items: an address or a team.")
    technical: str = Field(description="Who answers for connections, rights and rules: an address or a team.")


class WidenSpec(Strict):
    """Lets a field through that the policy marks as optional, with a reason and a reviewer."""

    path: str = Field(description="The field path that is let through.")
    to: Literal["keep", "keep-code", "keep-loc", "token", "year", "zip3", "udi-di", "number", "scanned"] = (
        Field(description="What becomes of it there: it passes whole or in part, or as a token.")
    )
    reason: str = Field(min_length=10, description="Why it has to pass; kept with the policy.")
    reviewer: str = Field(min_length=3, description="Who looked at it: a person, not the author alone.")
    codes: list[str] = Field(
        [], description="For `to: number`: the codes of OBX-3 whose values are numbers and nothing else."
    )


class FilterRule(Strict):
    """A named step that ends a message as filtered when all its tests hold."""

    name: Name = Field(description="Shown with every message that it ends.")
    for_each: str | None = Field(
        None, description="A segment id: the step ends single groups of it, and the message with the last."
    )
    when: Tests = Field(min_length=1, description="Conditions, all of which must hold.")


class WarningRule(Strict):
    """A named oddity, shown with the message; what the rules make of the message stands."""

    name: Name = Field(description="Shown with the message, and the place of the first condition.")
    for_each: str | None = Field(None, description="A segment id: looked for in each of its groups.")
    when: Tests = Field(min_length=1, description="Conditions, all of which must hold.")


class CourseSpec(Strict):
    """What the messages about one visit or appointment say, in the order in which it happened."""

    of: Literal["encounter", "appointment"] = Field(description="Which state machine.")
    key: Expression = Field(description="The number that names it: `PV1-19 or PID-18 or PV1-50`.")
    happened: Expression = Field(
        "EVN-6 or EVN-2 or MSH-7",
        description="When it happened: the first of these fields that is populated.",
    )
    counts_as: Expression | None = Field(
        None, description="The event that a message counts as where this gives one, whatever its own."
    )
    line_action: Expression | None = Field(
        None,
        description="Of an appointment: A, D, U or X (table 0206) where a message speaks of single lines.",
    )
    starts: Expression | None = Field(
        None, description="Of an appointment: its start; lines that a message does not list move with it."
    )
    unknown: Literal["apply", "dead"] = Field(
        "apply", description="A change of what nothing was said about before: applied, or a dead letter."
    )
    late: Literal["apply", "dead"] = Field(
        "apply", description="What happened before something known: put in its place, or a dead letter."
    )


class ScheduleSpec(Strict):
    """Effects are carried out at set times; messages are accepted, answered and mapped when they come."""

    cron: str = Field(
        description="Minute, hour, day, month, weekday, by the clocks of its time zone: `0 22 * * *`."
    )
    cut_off: str | None = Field(
        None,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="What comes after this time of the day (`20:00`) is left to the run after.",
    )


class ChannelSpec(Strict):
    """One channel file."""

    channel: Name = Field(description="Its name: what messages, keys and metrics are filed under.")
    description: str = Field(description="What it does, in a sentence for people.")
    owner: Owners = Field(description="Who answers for it.")
    criticality: Literal["high", "normal", "bulk"] = Field(
        "normal",
        description="The lane of its deliveries: `high` never waits behind `normal`, nor that behind `bulk`.",
    )
    source: SourceSpec = Field(description="Where its messages come from.")
    sequence_by: Expression = Field(description="Messages with equal values are applied in order.")
    key_space: Name | None = Field(None, description="Keys are unique within it; default: the channel.")
    tenant: Name | None = Field(
        None, description="Whose numbers: no token of one tenant is valid in another; default: the node's."
    )
    authority: str = Field("", description="Of numbers that name no assigning authority; default: MSH-4.")
    authorities: dict[str, list[str]] = Field({}, description="One assigning authority's many spellings.")
    systems: dict[Name, str] = Field(
        {}, description="Short name → URI of a coding or identifier system, for FHIR paths: `code[gtin]`."
    )
    tables: dict[Name, str] = Field({}, description="Name → CSV file, relative to the channel file.")
    valid_on: dict[Name, Expression] = Field(
        {},
        description="Of tables whose rows hold on certain days: which day counts, `{prices: FT1-4}`; "
        "default: the message's own (MSH-7). What is looked up holds no row of another day.",
    )
    values: dict[Name, Value] = Field(
        {},
        description="Name → an expression, or what a function makes of some; the name stands for it "
        "wherever a field path may stand.",
    )
    course: CourseSpec | None = Field(
        None,
        description="Puts what messages say of a visit or an appointment in the order in which it happened.",
    )
    required: list[str] = Field([], description="Field paths a message must have, else AE 101.")
    validation: Literal["none", "structure", "profile"] = Field(
        "none",
        alias="validate",
        description="Before mapping: `structure` by the standard's tables, `profile` by a learned one.",
    )
    profile: str | None = Field(None, description="For `validate: profile`: its file, beside this one.")
    filters: list[FilterRule] = Field(
        [], description="Named steps that end a message before any rule looks at it."
    )
    warnings: list[WarningRule] = Field([], description="What a person should see of messages that go on.")
    widen: list[WidenSpec] = Field(
        [], description="Fields that the policy marks as optional and this channel lets through."
    )
    privacy: PrivacySpec = Field(
        PrivacySpec(), description="Privacy flags that it obeys, and what it keeps to itself."
    )
    retention: RetentionSpec = Field(
        RetentionSpec(), description="How long its messages are kept, where it is not as long as everywhere."
    )
    schedule: ScheduleSpec | None = Field(
        None, description="Effects are carried out at set times; default: at once."
    )
    expect: ExpectText | None = Field(
        None,
        description="How often it is heard, and when: `every 15m, mon-fri 07-19, sat 08-12`, several apart "
        "by semicolons, on the clocks of its time zone. When it is not, people on duty are told.",
    )
    alerts: AlertsSpec = Field(
        AlertsSpec(), description="When else people on duty are told of it, and who is."
    )
    shadow: bool = Field(
        False,
        description="It takes, answers and maps messages, compares what it would write with what stands, and "
        "writes nothing: `wardline shadow` reports.",
    )
    effects: list[EffectRule] = Field(min_length=1, description="Rules: what a message means to Odoo.")
    no_effect: Literal["filtered", "dead"] = Field("filtered", description="When no rule applied.")
    destinations: list[DestinationSpec] = Field(min_length=1, description="Where the effects go.")
    about: AboutSpec = Field(
        AboutSpec(), description="What people want to know of it: the catalogue shows it."
    )
