"""What people want to know of a channel, and the engine does not: who sends, what was promised, what to
do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from engine.config.spec.words import Strict

__all__ = ["AboutSpec", "SenderSpec", "ServiceLevelSpec"]

Text = Annotated[str, StringConstraints(min_length=1)]
Span = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}(s|m|h|d)$")]


class SenderSpec(Strict):
    """The system that sends."""

    system: Text = Field(description="What the hospital calls it.")
    vendor: str = Field(default="", description="Who makes it.")
    contact: str = Field(default="", description="Whom to call when it sends nothing, or nonsense.")


class ServiceLevelSpec(Strict):
    """What was promised."""

    within: Span = Field(description="From the message to its effect in Odoo: `30s`, `5m`, `4h`, `1d`.")
    hours: str = Field(default="", description="When somebody looks after it: `24x7`, `Mon-Fri 7-19`.")


class AboutSpec(Strict):
    """For the catalogue of integrations (docs/manual/catalogue.md); it changes nothing that the engine
    does."""

    sender: SenderSpec | None = Field(default=None, description="The system that sends.")
    service_level: ServiceLevelSpec | None = Field(default=None, description="What was promised.")
    runbook: str = Field(
        default="", description="Where it says what to do when it stops: a page, an address."
    )
