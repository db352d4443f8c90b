"""What a channel says about privacy beyond the policy: what it obeys, and what it lets through less of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.config.spec.words import Strict

__all__ = ["FlagName", "Obeys", "PrivacySpec"]

FlagName = Literal[
    "PV1-16", "PD1-11", "PD1-12", "PV2-21", "PV2-22", "ORC-28", "DG1-18",
    "MSH-26", "MSH-27", "MSH-28", "meta.security",
]  # fmt: skip
Obeys = Literal["block", "restrict", "pass"]


class PrivacySpec(Strict):
    """Privacy flags, and places that this channel keeps to itself."""

    flags: dict[FlagName, Obeys] = Field(
        default={},
        description="A raised privacy flag → `block` the message, `restrict` what it makes, or `pass` it.",
    )
    narrow: list[str] = Field(
        default=[], description="Field paths of the allow-list that this channel drops; needs no reason."
    )
