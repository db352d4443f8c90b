"""The shape of a channel file: what an analyst may write, word for word.

Pydantic models of the YAML after `engine.config.reading` has turned every scalar into text with
its position. From these come the checks, `channels/channel.schema.json` and the manual page.
Expressions stay text here; `engine.config.build` compiles them against the privacy policy.
"""

from engine.config.spec.channel import (
    ChannelSpec,
    CourseSpec,
    FilterRule,
    Owners,
    ScheduleSpec,
    WarningRule,
    WidenSpec,
)
from engine.config.spec.destinations import (
    DestinationSpec,
    FolderDestination,
    LedgerDestination,
    MllpDestination,
    OdooDestination,
)
from engine.config.spec.privacy import PrivacySpec
from engine.config.spec.rules import (
    EFFECTS,
    ChargeRule,
    ConsumeRule,
    CreditRule,
    EffectRule,
    EncounterRule,
    ForwardRule,
    LotRule,
    MergeRule,
    OfferRule,
    PriceRule,
    ProcureRule,
    ProductRule,
    ReleaseRule,
    ReserveRule,
    StockingRule,
)
from engine.config.spec.sources import (
    FhirSource,
    FolderSource,
    Hl7Source,
    Interaction,
    LinkTlsSpec,
    MllpSource,
    Source,
    SourceSpec,
    TlsSpec,
)
from engine.config.spec.words import Strict, Tests

__all__ = [
    "EFFECTS",
    "ChannelSpec",
    "ChargeRule",
    "ConsumeRule",
    "CourseSpec",
    "CreditRule",
    "DestinationSpec",
    "EffectRule",
    "EncounterRule",
    "FhirSource",
    "FilterRule",
    "FolderDestination",
    "FolderSource",
    "ForwardRule",
    "Hl7Source",
    "Interaction",
    "LedgerDestination",
    "LinkTlsSpec",
    "LotRule",
    "MergeRule",
    "MllpDestination",
    "MllpSource",
    "OdooDestination",
    "OfferRule",
    "Owners",
    "PriceRule",
    "PrivacySpec",
    "ProcureRule",
    "ProductRule",
    "ReleaseRule",
    "ReserveRule",
    "ScheduleSpec",
    "Source",
    "SourceSpec",
    "StockingRule",
    "Strict",
    "Tests",
    "TlsSpec",
    "WarningRule",
    "WidenSpec",
]
